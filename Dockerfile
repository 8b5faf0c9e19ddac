# syntax=docker/dockerfile:1
# Built from the same packages as `make prepare` installs; tests/it/deploy.rs compares them.

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The caches outlive the layer, so that a change of ours does not compile everything else again;
# the program is copied out because a cache is no part of the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked && cp target/release/tradein /usr/local/bin/tradein

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libpq5 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /usr/local/bin/tradein /usr/local/bin/tradein
# Uploaded documents; a volume of this name takes over the folder's owner.
RUN install --directory --owner=10001 --group=10001 --mode=700 /var/lib/tradein
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=30s CMD ["tradein", "healthcheck"]
ENTRYPOINT ["tradein"]
CMD ["serve"]
