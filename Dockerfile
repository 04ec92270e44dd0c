# metadata-etl as a command, for jobs and looks on one machine; docs/runbook.md has how to use it.
# docker build --tag metadata-etl .
FROM python:3.12-slim AS build

# The compiler is for the C extension, and stays out of the image: any version of it will do.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/metadata-etl
WORKDIR /build
COPY setup.py pyproject.toml MANIFEST.in README.md LICENSE ./
COPY metadata_etl metadata_etl
COPY pipelines pipelines
COPY transforms transforms
RUN METADATA_ETL_REQUIRE_EXTENSION=1 /opt/metadata-etl/bin/pip install --no-cache-dir . && /opt/metadata-etl/bin/pip check

FROM python:3.12-slim

COPY --from=build /opt/metadata-etl /opt/metadata-etl
# A user that `docker run --user` names has no home, and needs none.
ENV PATH=/opt/metadata-etl/bin:$PATH HOME=/tmp
RUN useradd --no-create-home --uid 1000 metadata-etl
USER 1000
WORKDIR /data
ENTRYPOINT ["metadata-etl"]
CMD ["--help"]
