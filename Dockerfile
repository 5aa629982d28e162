# One image for every role: `docker run zeus-relay receive`, `work`, `operate`, `migrate`, or any other
# command. Without arguments it runs all roles in one process. It contains no Postgres, so set
# RELAY_DATABASE_URL.

# `deploy/pin-images` prints its digest; pass it with `--build-arg PYTHON_IMAGE=…`.
ARG PYTHON_IMAGE=python:3.13-slim
FROM ${PYTHON_IMAGE} AS build
WORKDIR /opt/zeus-relay
# The environment has no pip, so the image has none either.
RUN python3 -m venv --without-pip venv
COPY requirements/container.txt requirements/
RUN pip --python venv/bin/python install --no-cache-dir --disable-pip-version-check \
    --require-hashes -r requirements/container.txt
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY migrations migrations
# Editable, because app/ finds migrations/ beside itself. Build tools are removed, since the service
# does not need them. Bytecode is compiled here, since the service can write only to its volume. The
# console is in English and Japanese, so other locales of Babel are deleted.
RUN pip --python venv/bin/python install --no-cache-dir --disable-pip-version-check \
    --no-build-isolation --no-deps --editable . \
 && pip --python venv/bin/python uninstall --yes --quiet \
    hatchling editables tomlkit trove-classifiers pathspec \
 && rm -r requirements \
 && find venv -path '*/babel/locale-data/*.dat' \
    ! -name 'en*' ! -name 'ja*' ! -name root.dat -delete \
 && venv/bin/python -m compileall -q --invalidation-mode unchecked-hash app

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 relay \
 && useradd --uid 10001 --gid relay --no-create-home --home-dir /var/lib/zeus-relay \
    --shell /usr/sbin/nologin relay \
 && install --directory --owner relay --group relay --mode 0700 /var/lib/zeus-relay
COPY --from=build /opt/zeus-relay /opt/zeus-relay

# Health check of the role's own listener. The role comes from the command line of process 1.
RUN printf '%s\n' \
    'import os, socket, sys' \
    'words = open("/proc/1/cmdline", "rb").read().decode().split("\0")' \
    'names = {"operate": ("OPERATOR", "8001"), "work": ("METRICS", "9100")}' \
    'name, default = next((names[word] for word in words if word in names), ("PUBLIC", "8000"))' \
    'port = int(os.environ.get(f"RELAY_{name}_PORT") or default)' \
    'with socket.create_connection(("127.0.0.1", port), timeout=3) as connection:' \
    '    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")' \
    '    answer = connection.recv(64)' \
    'sys.exit(not answer.startswith(b"HTTP/1.1 200 "))' \
    > /opt/zeus-relay/healthcheck.py

ENV PATH=/opt/zeus-relay/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    RELAY_DATA_DIR=/var/lib/zeus-relay \
    RELAY_PUBLIC_HOST=0.0.0.0 \
    RELAY_OPERATOR_HOST=0.0.0.0 \
    RELAY_METRICS_PORT=9100
USER 10001:10001
WORKDIR /opt/zeus-relay
VOLUME /var/lib/zeus-relay
EXPOSE 8000 8001 9100
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-I", "-S", "/opt/zeus-relay/healthcheck.py"]
ENTRYPOINT ["zeus-relay"]
CMD ["up"]
