"""The job queue works on the application's role: its tables came with our migrations and nothing else is granted."""

import asyncio

import psycopg

from store.database import DatabaseUrls
from store.jobs import open_job_queue
from tests.database_fixtures import plain


def test_a_job_is_deferred_and_run_as_the_application(database_urls: DatabaseUrls, superuser_url: str) -> None:
    ran: list[int] = []
    queue = open_job_queue(database_urls.app)

    @queue.task(name="add", queue="default")
    def add(number: int) -> None:
        ran.append(number)

    async def defer_and_work() -> None:
        async with queue.open_async():
            await add.defer_async(number=7)
            await queue.run_worker_async(wait=False, install_signal_handlers=False)

    asyncio.run(defer_and_work())
    assert ran == [7]
    with psycopg.connect(superuser_url) as connection:
        states = connection.execute("select task_name, status::text from metering.procrastinate_jobs").fetchall()
    assert states == [("add", "succeeded")]


def test_a_job_deferred_in_a_transaction_of_ours_is_lost_with_it(database_urls: DatabaseUrls) -> None:
    """The command row and the job that carries it out are kept or lost together."""
    defer = "select procrastinate_defer_jobs_v1(array[row('default', 'add', 0, null, null, '{}'::jsonb, null)::procrastinate_job_to_defer_v1])"
    with psycopg.connect(plain(database_urls.app)) as connection:
        connection.execute(defer)
        connection.rollback()
        assert connection.execute("select count(*) from procrastinate_jobs").fetchone() == (0,)
        connection.execute(defer)
        connection.commit()
        assert connection.execute("select count(*) from procrastinate_jobs").fetchone() == (1,)
