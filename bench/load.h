// Request upon request over many connections, each with several under way: the client of the server
// workloads, the same for Strandline and for Redis.
//
// One thread and epoll: requests are prebuilt bytes, written from where they are; of an answer only
// as much is read as tells where it ends and that it is a good one. *Errors*: Failure, with the
// answer.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace strandline::bench {

// How many bytes the first answer in `bytes` has, or 0 if it is not there whole. Throws Failure at
// an answer that refuses.
using AnswerBytes = size_t (*)(std::string_view bytes);
size_t http_answer(std::string_view bytes);
size_t any_http_answer(std::string_view bytes);  // one that refuses, too
size_t redis_answer(std::string_view bytes);

struct Load {
  uint16_t port;
  size_t connections;
  size_t depth;                    // requests under way on each
  size_t answers_per_request = 1;  // a Redis pipeline is one request with many
  AnswerBytes answer_bytes;
  SSL_CTX* tls = nullptr;  // to speak TLS with
  // The bytes of a connection's n-th request; must stay where they are.
  std::function<std::string_view(size_t connection, uint64_t n)> request;
};

struct LoadResult {
  uint64_t requests;  // answered, all answers good
  double seconds;     // from the first request to the last answer
};

// Starts requests for `seconds`, then waits for the answers that are left.
LoadResult run(const Load& load, double seconds);

// POST of a body to a stream. `headers`: further ones, each a line with its end.
std::string post_events(std::string_view stream, std::string_view media_type, std::string_view body,
                        std::string_view headers = {});

// GET over a connection of its own; the body.
std::string get(uint16_t port, const std::string& target);

}  // namespace strandline::bench
