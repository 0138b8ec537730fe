# The development mailbox: an SMTP server that keeps what it is given. Nothing of Sayso is in it.
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PATH=/venv/bin:$PATH
WORKDIR /app

COPY requirements/mailbox.txt requirements/
RUN python -m venv /venv && pip install --quiet --require-hashes -r requirements/mailbox.txt

COPY infra/demo/mailbox.py mailbox.py
RUN python -m compileall -q . && groupadd --gid 10001 sayso \
 && useradd --uid 10001 --gid sayso --no-create-home --home-dir /nonexistent sayso

USER 10001:10001
