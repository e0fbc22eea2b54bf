# The server alone, for compose.yaml. Untested: no container engine was available.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked -p ro-co-server && cp target/release/ro-co-server /

FROM debian:bookworm-slim
# Root certificates for DiceBear over TLS.
RUN apt-get update && apt-get install --no-install-recommends -y ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /ro-co-server /usr/local/bin/
USER 1000:1000
ENTRYPOINT ["ro-co-server"]
