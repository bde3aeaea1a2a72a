#include "tests/support/log/exercise.h"

#include <algorithm>
#include <thread>

#include "tests/support/log/payload.h"
#include "tests/support/log/reader.h"

namespace strandline::tests {
namespace {

constexpr size_t kStreams = 4;
constexpr size_t kInFlightMax = 12;

Append request_of(const Produced& produced) {
  return {.stream = produced.stream,
          .batch = batch(produced.stream, produced.ids),
          .producer = produced.producer};
}

}  // namespace

Exercise::Exercise(std::shared_ptr<RecordedDisk> disk, uint64_t seed, std::string name)
    : disk_(std::move(disk)), name_(std::move(name)), random_(seed) {}

Exercise::~Exercise() { close(); }

Options Exercise::options(const std::shared_ptr<RecordedDisk>& disk) {
  Options options;
  options.file_system = RecordedDisk::as_option(disk);
  options.batch_cache_bytes = 256 << 10;  // so that readers meet the store, too
  options.block_cache_bytes = 1 << 20;
  options.accepted_sync_interval_ms = 2;
  options.disk_reserve_bytes = 0;
  return options;
}

Status Exercise::open() {
  disk_->note({"opening"});
  Options options = this->options(disk_);
  options.on_warning = [this](const std::string& line) {
    const std::lock_guard lock(mutex_);
    warnings_.push_back(line);
  };
  auto opened = Log::open(directory(), std::move(options));
  if (!opened) return std::unexpected(std::move(opened.error()));
  log_ = std::move(*opened);
  if (auto reader = log_->subscribe({})) reader_.emplace(std::move(*reader));
  const std::lock_guard lock(mutex_);
  tails_.clear();
  for (const StreamInfo& info : log_->list("", "", 1000)) tails_[info.name] = info.tail.value;
  return {};
}

void Exercise::close() {
  reader_.reset();
  if (log_) log_->close();
  log_.reset();
}

void Exercise::settle() {
  {
    std::unique_lock lock(mutex_);
    settled_.wait(lock, [&] { return in_flight_ == 0; });
  }
  // What was only accepted becomes durable a moment after its answer, and moves the tails: a
  // refusal that rests on the log's state is answered behind it.
  (void)log_->commit({.consumer = "nobody", .stream = "no such stream", .next = 0});
}

void Exercise::steps(int count) {
  for (int i = 0; i < count; ++i) {
    {
      std::unique_lock lock(mutex_);
      settled_.wait(lock, [&] { return in_flight_ < kInFlightMax; });
    }
    step();
  }
}

void Exercise::step() {
  const uint64_t roll = random_() % 100;
  if (roll < 34) return append(1, false, Durability::fsync);
  if (roll < 40) return send_again();
  if (roll < 52) return append(1, false, Durability::accepted);
  if (roll < 68) return append(2 + random_() % 3, random_() % 2 == 0, Durability::fsync);
  if (roll < 74) return append(0, true, Durability::fsync);
  if (roll < 84) return show();
  if (roll < 87) return settle();
  if (roll < 94) return this->roll();
  if (roll < 96) return drop();
  if (roll < 98) return truncate();
  (void)log_->create_stream(name_ + ".s" + std::to_string(random_() % 1000), {.description = "d"});
}

std::string Exercise::any_stream() { return "s" + std::to_string(random_() % kStreams); }

std::vector<std::string> Exercise::new_ids() {
  std::vector<std::string> ids;
  // Now and then longer than a block of the WAL.
  const uint64_t count = random_() % 24 == 0 ? 60 : 1 + random_() % 5;
  for (uint64_t i = 0; i < count; ++i) ids.push_back(name_ + "." + std::to_string(ids_++));
  return ids;
}

void Exercise::append(size_t parts, bool commits, Durability durability) {
  AppendMany request{.durability = durability};
  const std::string number = name_ + ":" + std::to_string(appends_++);
  std::vector<std::string> words = {"sent", number};
  for (size_t i = 0; i < parts; ++i) {
    const std::string stream = any_stream();
    const auto ids = new_ids();
    words.push_back(stream);
    words.push_back(std::to_string(ids.size()));
    words.insert(words.end(), ids.begin(), ids.end());
    request.parts.push_back({.stream = stream, .batch = batch(stream, ids)});
    if (parts == 1 && !commits && random_() % 2 == 0) produce(number, request.parts[0], ids, words);
  }
  std::vector<std::string> position;
  std::vector<Answered> carried;
  {
    const std::lock_guard lock(mutex_);
    if (commits && !tails_.empty()) {
      const auto at = std::next(tails_.begin(), static_cast<long>(random_() % tails_.size()));
      position = {"position", "keeper", at->first, std::to_string(at->second)};
      request.commits.push_back({.consumer = "keeper", .stream = at->first, .next = at->second});
    }
    if (durability == Durability::fsync) carried = accepted_;
    if (request.parts.empty() && request.commits.empty()) return;
    ++in_flight_;
  }
  disk_->note(words);
  log_->append(std::move(request),
               [this, number, durability, position = std::move(position),
                carried = std::move(carried)](Result<std::vector<Appended>> result) {
                 if (!result) {
                   if (result.error().code != Code::outcome_unknown)
                     disk_->note({"refused", number});
                 } else if (durability == Durability::accepted) {
                   const std::lock_guard lock(mutex_);
                   accepted_.push_back({number, std::move(*result)});
                 } else {
                   // What was accepted before this was sent is durable with it.
                   for (const Answered& one : carried) note_acknowledged(one);
                   note_acknowledged({number, std::move(*result)});
                   if (!position.empty()) disk_->note(position);
                 }
                 const std::lock_guard lock(mutex_);
                 --in_flight_;
                 settled_.notify_all();
               });
}

// The producer's next append to the stream: it has the life's name.
void Exercise::produce(const std::string& number, AppendMany::Part& part,
                       const std::vector<std::string>& ids, std::vector<std::string>& words) {
  Producer& next = producers_.try_emplace(part.stream, Producer{.id = name_}).first->second;
  part.producer = next;
  ++next.sequence;
  words.insert(words.end(), {"producer", next.id, std::to_string(part.producer->epoch),
                             std::to_string(part.producer->sequence)});
  produced_.push_back({number, part.stream, ids, *part.producer});
}

// One of the last, whether or not it is answered by now.
void Exercise::send_again() {
  if (produced_.empty()) return;
  const size_t back = 1 + random_() % std::min<size_t>(produced_.size(), 20);
  const Produced one = produced_[produced_.size() - back];
  {
    const std::lock_guard lock(mutex_);
    ++in_flight_;
  }
  log_->append(request_of(one), [this, one](Result<Appended> result) {
    note_sent_again(one, std::move(result));
    const std::lock_guard lock(mutex_);
    --in_flight_;
    settled_.notify_all();
  });
}

void Exercise::send_again(const std::vector<Produced>& appends) {
  for (const Produced& one : appends) note_sent_again(one, log_->append(request_of(one)));
}

void Exercise::note_sent_again(const Produced& produced, Result<Appended> result) {
  if (result) return note_acknowledged({produced.append, {std::move(*result)}});
  // A log that has failed, or cannot read what it knows, knows nothing better. Everything else
  // contradicts what was sent.
  const Code code = result.error().code;
  const bool unread = result.error().message.find("this disk was told to") != std::string::npos;
  if (code == Code::sealed || code == Code::outcome_unknown || code == Code::closed || unread) {
    return;
  }
  disk_->note({"wrong", produced.append + " was sent again: " + result.error().message});
}

void Exercise::note_acknowledged(const Answered& answered) {
  std::vector<std::string> words = {"acknowledged", answered.append};
  for (const Appended& part : answered.parts) {
    words.push_back(std::to_string(part.first.value));
    words.push_back(std::to_string(part.sequence.value));
  }
  disk_->note(words);
  const std::lock_guard lock(mutex_);
  for (const Appended& part : answered.parts) {
    uint64_t& tail = tails_[part.stream];
    tail = std::max(tail, part.next.value);
  }
  std::erase_if(accepted_, [&](const Answered& one) { return one.append == answered.append; });
}

void Exercise::show() {
  while (reader_) {
    const auto delivery = reader_->try_next();
    if (!delivery || !*delivery) return;
    const auto* events = std::get_if<Events>(&**delivery);
    if (events == nullptr) continue;
    std::vector<std::string> words = {"shown", std::string(events->stream()),
                                      std::to_string(events->first().value)};
    for (const Event& event : *events) words.emplace_back(event.id());
    disk_->note(words);
  }
}

void Exercise::note_shown(const Stored& stored) {
  for (const auto& [name, stream] : stored.streams) {
    std::vector<std::string> words = {"shown", name, std::to_string(stream.start)};
    for (const Stored::Entry& entry : stream.events) words.push_back(entry.id);
    disk_->note(words);
  }
  for (const auto& [key, next] : stored.positions) {
    disk_->note({"position", key.first, key.second, std::to_string(next)});
  }
}

void Exercise::roll() {
  // What was accepted just before is not fsynced yet, when the store moves on to a new WAL.
  for (uint64_t i = random_() % 3; i > 0; --i) append(1, false, Durability::accepted);
  const auto sealed = log_->roll();
  if (!sealed) return;
  // It came after all that was sent, and nothing was sent since.
  auto& tails = sealed_tails_[sealed->value];
  for (const StreamInfo& info : log_->list("", "", 1000)) tails[info.name] = info.tail.value;
}

void Exercise::drop() {
  const auto segments = log_->segments();
  if (segments.size() < 2) return;
  const auto tails = sealed_tails_.find(segments.front().id.value);
  if (tails == sealed_tails_.end()) return;
  for (const auto& [name, tail] : tails->second) {
    disk_->note({"removed", name, std::to_string(tail)});
  }
  // Others go on appending meanwhile.
  const std::jthread dropping([&] { (void)log_->drop_segment(segments.front().id); });
  for (int i = 0; i < 4; ++i) append(1, false, Durability::fsync);
}

void Exercise::truncate() {
  const std::string stream = any_stream();
  const auto info = log_->describe(stream);
  if (!info || info->events == 0) return;
  const uint64_t before = info->start.value + random_() % (info->events / 2 + 1);
  disk_->note({"removed", stream, std::to_string(before)});
  (void)log_->truncate(stream, Offset{before});
}

// --- The account.

Account::Account(const Recording& recording, size_t instant) {
  std::vector<std::string> words;
  for (size_t i = 0; i < instant; ++i) {
    const DiskOp& op = recording.ops[i];
    if (op.kind != DiskOp::Kind::note) continue;
    words.clear();
    for (size_t at = 0; at < op.bytes.size();) {
      const size_t end = op.bytes.find('\n', at);
      words.push_back(op.bytes.substr(at, end - at));
      at = end + 1;
    }
    take(words);
  }
}

void Account::take(const std::vector<std::string>& words) {
  const std::string& what = words[0];
  if (what == "opening") {
    wal_failed_ = false;
  } else if (what == "wal failed") {
    wal_failed_ = true;
  } else if (what == "sent") {
    Sent& sent = sent_[words[1]];
    sent.too_late = wal_failed_;
    too_late_ += wal_failed_ ? 1 : 0;
    for (size_t i = 2; i < words.size();) {
      const std::string& stream = words[i];
      if (stream == "producer") {  // of the part before it, which is the only one
        const auto& ids = sent.ids;
        produced_.push_back(
            {words[1], sent.first_ids[0].first, ids,
             Producer{words[i + 1], std::stoull(words[i + 2]), std::stoull(words[i + 3])}});
        break;
      }
      const size_t count = std::stoull(words[i + 1]);
      const auto first = words.begin() + static_cast<long>(i) + 2;
      sent.tickets.push_back(ledger_.sent(stream, {first, first + static_cast<long>(count)}));
      sent.first_ids.emplace_back(stream, *first);
      sent.ids = {first, first + static_cast<long>(count)};
      i += 2 + count;
    }
  } else if (what == "acknowledged") {
    const Sent& sent = sent_[words[1]];
    if (sent.too_late && wal_failed_) {
      wrong_.push_back(words[1] + " was sent after the WAL had failed, and is acknowledged");
    }
    for (size_t i = 0; i < sent.tickets.size(); ++i) {
      ledger_.acknowledged(sent.tickets[i], std::stoull(words[2 + 2 * i]),
                           std::stoull(words[3 + 2 * i]));
    }
  } else if (what == "refused") {
    for (const Ledger::Ticket ticket : sent_[words[1]].tickets) ledger_.refused(ticket);
    std::erase_if(produced_, [&](const Produced& one) { return one.append == words[1]; });
  } else if (what == "wrong") {
    wrong_.push_back(words[1]);
  } else if (what == "position") {
    ledger_.committed(words[1], words[2], std::stoull(words[3]));
  } else if (what == "shown") {
    uint64_t offset = std::stoull(words[2]);
    for (size_t i = 3; i < words.size(); ++i) ledger_.shown(words[1], offset++, words[i]);
  } else if (what == "removed") {
    uint64_t& max = start_max_[words[1]];
    max = std::max<uint64_t>(max, std::stoull(words[2]));
  }
}

std::vector<std::string> Account::violations(const Stored& stored) const {
  std::vector<std::string> found = ledger_.violations(stored);
  found.insert(found.end(), wrong_.begin(), wrong_.end());
  for (const auto& [name, stream] : stored.streams) {
    const auto max = start_max_.find(name);
    if (stream.start > (max == start_max_.end() ? 0 : max->second)) {
      found.push_back(name + ": nobody removed what is below " + std::to_string(stream.start));
    }
  }
  // An append to several streams is in all of them or in none.
  for (const auto& [number, sent] : sent_) {
    if (sent.first_ids.size() < 2) continue;
    size_t there = 0;
    bool removed = false;
    for (const auto& [name, id] : sent.first_ids) {
      const auto stream = stored.streams.find(name);
      if (stream == stored.streams.end()) continue;
      removed |= stream->second.start > 0;
      there += std::ranges::any_of(stream->second.events,
                                   [&](const Stored::Entry& entry) { return entry.id == id; })
                   ? 1
                   : 0;
    }
    if (there != 0 && there != sent.first_ids.size() && !removed) {
      found.push_back("append " + number + " is in some of its streams only");
    }
  }
  return found;
}

}  // namespace strandline::tests
