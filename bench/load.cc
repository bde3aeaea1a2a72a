#include "bench/load.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <deque>
#include <vector>

#include "bench/process.h"
#include "bench/socket.h"
#include "bench/workload.h"

namespace strandline::bench {
namespace {

constexpr size_t kBufferBytes = 64 << 10;
constexpr size_t kPartsMax = 16;  // requests in one system call

struct Link {
  Link(uint16_t port, SSL_CTX* tls) : socket(port, tls) { socket.make_nonblocking(); }

  Socket socket;
  uint64_t started = 0;                 // requests
  uint64_t answers = 0;                 // answers
  std::deque<std::string_view> unsent;  // of requests that were started
  std::string unread;                   // the beginning of an answer
  bool waits_to_write = false;
};

class Run {
 public:
  Run(const Load& load, double seconds)
      : load_(load), epoll_(epoll_create1(EPOLL_CLOEXEC)), buffer_(kBufferBytes, '\0') {
    links_.reserve(load.connections);
    for (size_t i = 0; i < load.connections; ++i) {
      links_.emplace_back(load.port, load.tls);
      watch(i, EPOLL_CTL_ADD);
    }
    begin_ = now_s();
    end_ = begin_ + seconds;
  }
  ~Run() { close(epoll_); }

  LoadResult result() {
    for (size_t i = 0; i < links_.size(); ++i) fill(i);
    while (under_way_ > 0) {
      epoll_event events[64];
      const int ready = epoll_wait(epoll_, events, 64, 30'000);
      if (ready == 0) throw Failure("no answer for 30 seconds");
      for (int e = 0; e < ready; ++e) {
        const size_t i = events[e].data.u64;
        if (events[e].events & ~EPOLLOUT) read(i);
        fill(i);
      }
    }
    return {.requests = done_, .seconds = now_s() - begin_};
  }

 private:
  void watch(size_t i, int operation) {
    epoll_event event{};
    event.events = EPOLLIN | (links_[i].waits_to_write ? EPOLLOUT : 0u);
    event.data.u64 = i;
    epoll_ctl(epoll_, operation, links_[i].socket.fd(), &event);
  }

  void fill(size_t i) {
    Link& link = links_[i];
    if (now_s() < end_) {
      const uint64_t answered = link.answers / load_.answers_per_request;
      while (link.started - answered < load_.depth) {
        link.unsent.push_back(load_.request(i, link.started++));
        ++under_way_;
      }
    }
    bool full = false;
    while (!link.unsent.empty() && !full) {
      iovec parts[kPartsMax];
      size_t count = 0;
      for (; count < std::min(kPartsMax, link.unsent.size()); ++count) {
        const std::string_view bytes = link.unsent[count];
        parts[count] = {const_cast<char*>(bytes.data()), bytes.size()};
      }
      size_t written = link.socket.write_some({parts, count});
      full = written == 0;
      while (written > 0) {
        std::string_view& front = link.unsent.front();
        const size_t taken = std::min(written, front.size());
        front.remove_prefix(taken);
        written -= taken;
        if (front.empty()) link.unsent.pop_front();
      }
    }
    if (full != link.waits_to_write) {
      link.waits_to_write = full;
      watch(i, EPOLL_CTL_MOD);
    }
  }

  void read(size_t i) {
    Link& link = links_[i];
    const size_t got = link.socket.read_some(buffer_.data(), buffer_.size());
    std::string_view bytes(buffer_.data(), got);
    if (!link.unread.empty()) bytes = link.unread.append(bytes);
    const uint64_t before = link.answers / load_.answers_per_request;
    size_t at = 0;
    while (const size_t answer = load_.answer_bytes(bytes.substr(at))) {
      at += answer;
      ++link.answers;
    }
    const uint64_t answered = link.answers / load_.answers_per_request - before;
    done_ += answered;
    under_way_ -= answered;
    link.unread = std::string(bytes.substr(at));
  }

  const Load& load_;
  int epoll_;
  std::string buffer_;
  std::vector<Link> links_;
  double begin_ = 0;
  double end_ = 0;
  uint64_t under_way_ = 0;
  uint64_t done_ = 0;
};

}  // namespace

size_t http_answer(std::string_view bytes) {
  const bool whole_head = bytes.find("\r\n\r\n") != std::string_view::npos;
  if (whole_head && !bytes.starts_with("HTTP/1.1 2")) {
    throw Failure("answered " + std::string(bytes.substr(0, std::min<size_t>(bytes.size(), 500))));
  }
  return any_http_answer(bytes);
}

size_t any_http_answer(std::string_view bytes) {
  const size_t head = bytes.find("\r\n\r\n");
  if (head == std::string_view::npos) return 0;
  static constexpr std::string_view kName = "content-length:";
  size_t line = bytes.find("\r\n");
  for (; line < head; line = bytes.find("\r\n", line + 2)) {
    const std::string_view rest = bytes.substr(line + 2, head - line - 2);
    const bool same = rest.size() > kName.size() &&
                      std::equal(kName.begin(), kName.end(), rest.begin(), [](char a, char b) {
                        return a == std::tolower(static_cast<unsigned char>(b));
                      });
    if (!same) continue;
    size_t from = kName.size();
    while (from < rest.size() && rest[from] == ' ') ++from;
    size_t length = 0;
    std::from_chars(rest.data() + from, rest.data() + rest.size(), length);
    const size_t whole = head + 4 + length;
    return bytes.size() < whole ? 0 : whole;
  }
  throw Failure("an answer without Content-Length");
}

size_t redis_answer(std::string_view bytes) {
  const size_t end = bytes.find("\r\n");
  if (end == std::string_view::npos) return 0;
  if (bytes[0] == '-') throw Failure("redis answered " + std::string(bytes.substr(0, end)));
  if (bytes[0] != '$') return end + 2;
  size_t length = 0;
  std::from_chars(bytes.data() + 1, bytes.data() + end, length);
  const size_t whole = end + 2 + length + 2;
  return bytes.size() < whole ? 0 : whole;
}

LoadResult run(const Load& load, double seconds) { return Run(load, seconds).result(); }

std::string post_events(std::string_view stream, std::string_view media_type, std::string_view body,
                        std::string_view headers) {
  std::string request = "POST /v1/streams/";
  request.append(stream).append("/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ");
  request.append(media_type).append("\r\n").append(headers).append("Content-Length: ");
  request.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  return request;
}

std::string get(uint16_t port, const std::string& target) {
  Socket socket(port);
  socket.write_all("GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  std::string answer;
  char bytes[16 << 10];
  while (true) {
    answer.append(bytes, socket.read_some(bytes, sizeof bytes));
    if (const size_t whole = http_answer(answer)) {
      const size_t body = answer.find("\r\n\r\n") + 4;
      return answer.substr(body, whole - body);
    }
  }
}

}  // namespace strandline::bench
