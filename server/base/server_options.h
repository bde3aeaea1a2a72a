// Every limit and every setting of the server, with unit, default and reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/api/quota.h"

namespace strandline::server {

struct ServerOptions {
  // What to make a Binding of (binding.h); a server is started over one or several. Loopback unless
  // told otherwise: see exposure.h.
  std::string listen = "127.0.0.1:7070";
  // Serves a log that has no key to other machines, too: for networks where everybody may do
  // everything.
  bool insecure = false;
  unsigned threads = 0;  // 0: one per core
  // That read history from the disk for followers, and print it. Two, so that a slow read does not
  // stop the others'; more where many followers read history at once from a disk that serves many
  // reads at once. What is in memory is read without them.
  unsigned history_threads = 2;
  // The names by which clients may ask for this server, HOST or HOST:PORT: see authority.h.
  std::vector<std::string> authorities = {};
  // The origins whose pages may use this server: see origins.h.
  std::vector<std::string> cors_origins = {};
  // The proxies that are believed when they say whom a request comes from: see forwarded.h.
  std::vector<std::string> trusted_proxies = {};
  // Of each key, and where access control is off, of each address: see quotas.h. What a key has of
  // its own goes before it.
  Quota quota = {};
  // Where a line for each request goes (access_log.h): a file, or "-"; empty: nowhere.
  std::string access_log = {};
  // Of one address: more are answered 429, but for one a second. 0: all are looked at.
  uint64_t wrong_secrets_max = 20;
  size_t connections_max = 20'000;          // past it, 503 and closed
  size_t head_bytes_max = 16 << 10;         // request line and fields; past it, 431
  size_t request_line_bytes_max = 8 << 10;  // RFC 9112 asks for 8,000 at least; past it, 414
  size_t body_bytes_max = 32 << 20;         // one request's events; past it, 413
  // Bodies of more than 64 KiB that are under way, of all connections; past it, 503.
  size_t bodies_bytes_max = 1 << 30;
  size_t pipeline_max = 64;         // appends of one connection that may be under way at once
  size_t page_events_max = 10'000;  // `limit` of one page
  size_t page_events_default = 1'000;
  size_t page_bytes_max = 16 << 20;        // a page ends early here
  size_t output_bytes_max = 256 << 10;     // rendered and not yet taken by one socket
  uint64_t handshake_timeout_ms = 10'000;  // from a connection to the end of its TLS handshake
  uint64_t head_timeout_ms = 10'000;  // from the first byte of a request to the end of its head
  uint64_t body_timeout_ms = 60'000;  // from the end of the head to that of the body,
  uint64_t body_bytes_per_s_min = 64 << 10;  // and as much longer as what has come takes so
  uint64_t idle_timeout_ms = 120'000;        // between requests
  // An answer that no socket takes for this long; not a follower, which may be as slow as it likes.
  uint64_t write_timeout_ms = 600'000;
  uint64_t keepalive_ms = 15'000;      // a comment to a follower that has nothing to read
  uint64_t sse_retry_ms = 1'000;       // what `retry:` tells a client
  uint64_t drain_timeout_ms = 10'000;  // then sockets are closed whatever they do
};

}  // namespace strandline::server
