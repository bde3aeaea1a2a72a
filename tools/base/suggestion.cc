#include "tools/base/suggestion.h"

#include <algorithm>
#include <utility>

namespace strandline::tools {
namespace {

struct Habit {
  std::string_view command;  // "*": any
  std::string_view word;
  std::string_view instead;
};

constexpr Habit kHabits[] = {
    {"", "ls", "strandline streams ls"},
    {"", "list", "strandline streams ls"},
    {"", "stream", "strandline streams"},
    {"", "topics", "strandline streams"},
    {"", "create", "strandline streams create STREAM"},
    {"", "rm", "strandline streams rm STREAM"},
    {"", "delete", "strandline streams rm STREAM"},
    {"", "consumer", "strandline consumers"},
    {"", "groups", "strandline consumers"},
    {"", "follow", "strandline tail STREAM"},
    {"", "watch", "strandline tail STREAM"},
    {"", "subscribe", "strandline tail STREAM"},
    {"", "consume", "strandline tail --consumer NAME"},
    {"", "cat", "strandline read STREAM"},
    {"", "get", "strandline read STREAM"},
    {"", "head", "strandline read STREAM --limit N"},
    {"", "write", "strandline append STREAM"},
    {"", "add", "strandline append STREAM"},
    {"", "put", "strandline append STREAM"},
    {"", "publish", "strandline append STREAM"},
    {"", "produce", "strandline append STREAM"},
    {"", "send", "strandline append STREAM"},
    {"", "start", "strandline serve"},
    {"", "run", "strandline serve"},
    {"", "server", "strandline serve"},
    {"", "status", "strandline stats"},
    {"", "info", "strandline stats"},
    {"", "check", "strandline verify --data DIR"},
    {"", "fsck", "strandline verify --data DIR"},
    {"", "load", "strandline import FILE"},
    {"", "restore", "strandline import FILE"},
    {"", "dump", "strandline export --all"},
    {"", "backup", "strandline export --all -o FILE"},
    {"read", "--follow", "strandline tail STREAM --from earliest (read stops at the tail)"},
    {"read", "-f", "strandline tail STREAM --from earliest (read stops at the tail)"},
    {"", "-v", "strandline --version"},
    {"read", "--reverse", "--backward"},
    {"read", "--offset", "--from"},
    {"read", "--stream", "strandline read STREAM"},
    {"tail", "--stream", "strandline tail STREAM"},
    {"tail", "--offset", "--from"},
    {"tail", "--tail", "--last N"},
    {"tail", "--lines", "--last N"},
    {"tail", "--retry-ms", "--retry-delay, with a unit (500ms)"},
    {"append", "--stream", "strandline append STREAM"},
    {"export", "--stream", "strandline export STREAM"},
    {"export", "--out", "--output"},
    {"export", "--file", "--output"},
    {"import", "--retry-seconds", "--retry-for, with a unit (60s)"},
    {"consumers create", "--ack-deadline-ms", "--ack-deadline, with a unit (30s)"},
    {"consumers set", "--ack-deadline-ms", "--ack-deadline, with a unit (30s)"},
    {"serve", "--segment-bytes-max", "--segment-size, with a unit (64MiB)"},
    {"serve", "--segment-age-max-s", "--segment-age, with a unit (1h)"},
    {"serve", "--accepted-sync-interval-ms", "--accepted-sync-interval, with a unit (100ms)"},
    {"serve", "--window-bytes", "--batch-cache-size, with a unit (64MiB)"},
    {"serve", "--block-cache-bytes", "--block-cache-size, with a unit (64MiB)"},
    {"serve", "--idempotency-ttl-s", "--idempotency-ttl, with a unit (1d)"},
    {"serve", "--disk-reserve-bytes", "--disk-reserve, with a unit (1GiB)"},
    {"serve", "--port", "--listen HOST:PORT"},
    {"serve", "-p", "--listen HOST:PORT"},
    {"serve", "--host", "--listen HOST:PORT"},
    {"serve", "--bind", "--listen HOST:PORT"},
    {"serve", "--dir", "--data DIR"},
    {"serve", "-d", "--data DIR"},
    {"append", "--ndjson", "--events"},
    {"append", "--lines", "--text"},
    {"import", "--ndjson", "--events"},
    {"import", "--lines", "--text"},
    {"*", "--since", "--from"},
    {"*", "--start", "--from"},
    {"*", "--count", "--limit"},
    {"*", "--max", "--limit"},
    {"*", "--group", "--consumer"},
    {"*", "--url", "--server"},
    {"*", "--host", "--server http://HOST:PORT"},
    {"*", "--port", "--server http://HOST:PORT"},
};

// Optimal string alignment: Damerau-Levenshtein, with each letter moved once.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] != b[j - 1])});
      const bool swapped =
          i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && a[i - 1] != b[j - 1];
      if (swapped) next[j] = std::min(next[j], before[j - 2] + 1);
    }
    before = std::exchange(row, std::exchange(next, before));
  }
  return row[b.size()];
}

}  // namespace

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> known) {
  const std::string* best = nullptr;
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string& one : known) {
    const size_t there = distance(word, one);
    if (there >= best_distance) continue;
    best = &one;
    best_distance = there;
  }
  return best ? std::optional(*best) : std::nullopt;
}

std::optional<std::string_view> habit(std::string_view command, std::string_view word) {
  for (const Habit& one : kHabits) {
    if (one.word == word && (one.command == command || (one.command == "*" && !command.empty()))) {
      return one.instead;
    }
  }
  return std::nullopt;
}

}  // namespace strandline::tools
