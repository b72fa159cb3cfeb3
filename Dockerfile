# syntax=docker/dockerfile:1
# One image for web, worker and command line. The environment is built from the lock file in a first stage.
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
RUN pip install --no-cache-dir --target /opt/uv uv
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 PATH=/opt/uv/bin:$PATH PYTHONPATH=
COPY pyproject.toml uv.lock README.md LICENSE serve.py ./
COPY dashboard dashboard
COPY api api
COPY pipelines pipelines
COPY billing billing
COPY store store
COPY pricing pricing
COPY metering_client metering_client
COPY sandbox sandbox
RUN uv sync --frozen --no-dev

FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 10001 metering && install -d -o metering /data
WORKDIR /app
COPY --from=build /app /app
COPY .streamlit .streamlit
USER metering
ENV PATH=/app/.venv/bin:$PATH METERING_HOME=/data PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=10s --timeout=3s CMD ["python", "-c", "import os, urllib.request as http; http.urlopen(f'http://127.0.0.1:{os.environ.get(\"METERING_PORT\", \"8501\")}/healthz', timeout=2)"]
# The container's network is its own: publish the port on loopback (-p 127.0.0.1:8501:8501) or behind a proxy that signs people in.
CMD ["python", "-m", "serve", "--host", "0.0.0.0"]
