#include "server/connection/access_log.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/api/rfc3339.h"
#include "server/http/query.h"

namespace strandline::server {
namespace {

// How long lines wait for others, and how soon the file is opened anew.
constexpr auto kTogether = std::chrono::milliseconds(200);

int open_for_lines(const std::string& path) {
  if (path == "-") return STDOUT_FILENO;
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

bool is_ticket(std::string_view parameter) {
  const auto name = percent_decode(parameter.substr(0, parameter.find('=')), true);
  return !name || *name == "ticket";
}

}  // namespace

std::string without_tickets(std::string_view target) {
  const size_t mark = target.find('?');
  if (mark == std::string_view::npos) return std::string(target);
  std::string out(target.substr(0, mark));
  char before = '?';
  for (std::string_view rest = target.substr(mark + 1);;) {
    const std::string_view parameter = rest.substr(0, rest.find('&'));
    out += std::exchange(before, '&');
    if (is_ticket(parameter)) {
      out += "ticket=...";
    } else {
      out += parameter;
    }
    if (parameter.size() == rest.size()) return out;
    rest.remove_prefix(parameter.size() + 1);
  }
}

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& path) {
  const int descriptor = open_for_lines(path);
  if (descriptor < 0) {
    return fail(Code::io, "the access log " + path + ": " + std::strerror(errno));
  }
  return std::unique_ptr<AccessLog>(new AccessLog(path, descriptor));
}

AccessLog::AccessLog(std::string path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor) {
  thread_ = std::thread([this] { run(); });
}

AccessLog::~AccessLog() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  thread_.join();
  if (descriptor_ != STDOUT_FILENO) ::close(descriptor_);
}

void AccessLog::write(const AccessLine& line) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const Timestamp time{std::chrono::duration_cast<std::chrono::microseconds>(now).count()};
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(line.duration);
  std::string text =
      "{\"time\":\"" + render_time(time) + "\",\"client\":" + json_literal(line.actor.from) +
      ",\"kind\":\"" + name_of(line.actor.kind) + "\",\"principal\":" +
      (line.actor.kind == Actor::Kind::address ? "null" : json_literal(line.actor.name)) +
      ",\"method\":" + (line.method.empty() ? "null" : json_literal(line.method)) +
      ",\"path\":" + (line.target.empty() ? "null" : json_literal(without_tickets(line.target))) +
      ",\"route\":" + (line.route.empty() ? "null" : json_literal(line.route)) +
      ",\"status\":" + std::to_string(line.status) + ",\"bytes\":" + std::to_string(line.bytes) +
      ",\"duration_us\":" + std::to_string(took.count());
  if (!line.request_id.empty()) text += ",\"request_id\":" + json_literal(line.request_id);
  text += "}\n";
  const std::lock_guard lock(mutex_);
  if (lines_.size() + text.size() > kBufferBytesMax) {
    ++dropped_;
    return;
  }
  lines_ += text;
}

void AccessLog::open_again() {
  const int opened = open_for_lines(path_);
  if (opened < 0) {
    spdlog::warn("the access log {} stays as it is: {}", path_, std::strerror(errno));
    return;
  }
  if (descriptor_ != STDOUT_FILENO) ::close(descriptor_);
  descriptor_ = opened;
}

void AccessLog::run() {
  std::string taken;
  bool told = false;
  for (bool last = false; !last;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, kTogether, [this] { return closing_; });
      last = closing_;
      taken.clear();
      taken.swap(lines_);
    }
    for (std::string_view rest = taken; !rest.empty();) {
      const ssize_t count = ::write(descriptor_, rest.data(), rest.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        for (const char c : rest) dropped_ += c == '\n' ? 1 : 0;
        if (!std::exchange(told, true)) {
          spdlog::warn("the access log {}: {}", path_, std::strerror(errno));
        }
        break;
      }
      rest.remove_prefix(static_cast<size_t>(count));
    }
    // Behind what was written for the file as it was.
    if (reopen_asked_.exchange(false)) open_again();
  }
}

}  // namespace strandline::server
