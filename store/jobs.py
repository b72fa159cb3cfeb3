"""The job queue in Postgres: opens procrastinate on the application's role and hands stalled jobs to a living worker."""

import procrastinate
import structlog
from procrastinate import jobs as procrastinate_jobs

log = structlog.get_logger(__name__)


def open_job_queue(app_url: str) -> procrastinate.App:
    """A procrastinate App on the given database URL (the application's role); open it before use.

    SQLAlchemy's driver name is not a scheme that libpq knows, so it is taken off.
    """
    conninfo = app_url.replace("postgresql+psycopg://", "postgresql://", 1)
    return procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=conninfo, min_size=1, max_size=4))


async def retry_stalled_jobs(queue: procrastinate.App, *, silent_seconds: float) -> int:
    """Give jobs back whose worker has not been heard of for that long; returns how many.

    procrastinate never does it by itself: a job of a killed worker stays `doing` until somebody asks.
    """
    stalled = await queue.job_manager.get_stalled_jobs(seconds_since_heartbeat=silent_seconds)
    returned = 0
    for job in stalled:
        if job.status != procrastinate_jobs.Status.DOING.value or job.id is None:
            continue
        await queue.job_manager.retry_job(job)
        log.warning("job_returned", job_id=job.id, task=job.task_name, reason="its worker is silent")
        returned += 1
    return returned
