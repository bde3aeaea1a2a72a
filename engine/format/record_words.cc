#include "engine/format/record_words.h"

#include <fmt/format.h>

#include "engine/api/batch.h"
#include "engine/api/consumer.h"
#include "engine/api/rfc3339.h"
#include "engine/format/access_record.h"
#include "engine/format/consumer_record.h"
#include "engine/format/extent_run.h"
#include "engine/format/index_record.h"
#include "engine/format/keys.h"
#include "engine/format/stored_batch.h"
#include "engine/format/stripe_record.h"

namespace strandline {
namespace {

constexpr size_t kPartsTold = 20;  // of a stored batch or a list; the others are counted

std::string stripe_words(StripeId stripe) {
  return fmt::format("{} of segment {}", number_in_segment(stripe), segment_of(stripe).value);
}

std::string time_words(int64_t us) { return us == 0 ? "never" : render_time({us}); }

RecordWords unknown(std::string what, std::string_view value) {
  return {std::move(what), {{"bytes", std::to_string(value.size())}}};
}

RecordWords broken(std::string what) {
  return {std::move(what), {{"damaged", "its bytes do not parse"}}};
}

// --- events.

void add_parts(Words& words, const StoredBatch& batch) {
  size_t told = 0, left = 0;
  for (Part part = batch.first_part();; part = batch.part_after(part)) {
    if (told++ < kPartsTold && part.gone) {
      words.emplace_back(fmt::format("gone {}", told - 1),
                         fmt::format("offsets [{}, {}): {}", part.first.value,
                                     part.first.value + part.count, name_of(*part.gone)));
    } else if (told <= kPartsTold) {
      words.emplace_back(
          fmt::format("append {}", told - 1),
          fmt::format("offsets [{}, {}), sequences [{}, {}), a FlatBuffer of {} bytes",
                      part.first.value, part.first.value + part.count, part.sequence.value,
                      part.sequence.value + part.count, part.flatbuffer.size()));
    } else {
      ++left;
    }
    if (part.first + part.count >= batch.next()) break;
  }
  if (left > 0) words.emplace_back("more appends", std::to_string(left));
}

void add_types(Words& words, const StoredBatch& batch) {
  size_t told = 0;
  for (Part part = batch.first_part();; part = batch.part_after(part)) {
    for (uint32_t i = 0; i < part.count && told < kPartsTold && !part.gone; ++i, ++told) {
      const auto* root = flatbuffers::GetRoot<schema::Batch>(part.flatbuffer.data());
      const auto* event = root->events()->Get(i);
      std::string says = "type " + event->type()->str();
      if (event->subject()) says += ", subject " + event->subject()->str();
      if (event->data()) says += fmt::format(", {} bytes of data", event->data()->size());
      words.emplace_back(fmt::format("event {}", part.first.value + i), std::move(says));
    }
    if (part.first + part.count >= batch.next() || told == kPartsTold) break;
  }
}

RecordWords event_words(std::string_view bytes, std::string_view value) {
  EventKey key;
  if (!decode(bytes, key)) return broken("no key of events");
  const bool own = key.stream == kLogStream;
  RecordWords told{own ? "the log's own record of a commit group" : "a stored batch",
                   {{"stripe", stripe_words(key.stripe)},
                    {"stream id", std::to_string(key.stream.value)},
                    {own ? "first sequence" : "first offset", std::to_string(key.first.value)}}};
  Words& words = told.words;
  if (const auto fault = StoredBatch::check(key, value)) {
    words.emplace_back("damaged", *fault);
    return told;
  }
  const StoredBatch batch(key.stream, value);
  const StoredHead& head = batch.head();
  words.emplace_back("version", std::to_string(uint8_t(value[0])));
  words.emplace_back("events", std::to_string(head.count));
  words.emplace_back("stored", render_time(head.stored));
  words.emplace_back("bytes", std::to_string(value.size()));
  words.emplace_back("bytes of the stream before it", std::to_string(head.bytes_before));
  words.emplace_back("checksum", "holds");
  if (own) {
    for (size_t i = 0; i < batch.range_count() && i < kPartsTold; ++i) {
      const Range range = batch.range(i);
      words.emplace_back(fmt::format("range {}", i),
                         fmt::format("stream id {}, offsets [{}, {})", range.stream.value,
                                     range.first().value, range.first().value + range.count));
    }
    if (batch.range_count() > kPartsTold) {
      words.emplace_back("more ranges", std::to_string(batch.range_count() - kPartsTold));
    }
    return told;
  }
  words.emplace_back("first sequence", std::to_string(head.sequence.value));
  add_parts(words, batch);
  add_types(words, batch);
  return told;
}

// --- streams and segments.

RecordWords stream_words(std::string_view key, std::string_view value) {
  if (key.size() != 9) return unknown("a record of a stream", value);
  const std::string id = std::to_string(get_be64(key, 1));
  if (key[0] == static_cast<char>(KeyKind::identity)) {
    IdentityRecord record;
    if (!decode(value, record)) return broken("the identity of stream id " + id);
    return {"the identity of a stream",
            {{"stream id", id},
             {"name", record.name},
             {"created", render_time(record.created)},
             {"description", record.description}}};
  }
  if (key[0] != static_cast<char>(KeyKind::state)) return unknown("a record of a stream", value);
  StateRecord record;
  if (!decode(value, record)) return broken("the state of stream id " + id);
  return {"where a stream stands (what came since, its stripes say)",
          {{"stream id", id},
           {"offsets", fmt::format("[{}, {})", record.start, record.next)},
           {"bytes",
            fmt::format("{}, of which {} are below the start", record.bytes, record.start_bytes)},
           {"last stored", time_words(record.last_stored_us)},
           {"exists", record.exists ? "yes" : "no: it was deleted"}}};
}

RecordWords segment_words(std::string_view key, std::string_view value) {
  if (key.size() >= 9 && key[0] == static_cast<char>(KeyKind::segment)) {
    SegmentRecord record;
    if (!decode(value, record)) return broken("a segment");
    return {"a segment",
            {{"segment", std::to_string(get_be64(key, 1))},
             {"state", record.sealed ? record.filed ? "sealed and filed" : "sealed" : "open"},
             {"created", render_time({record.created_us})},
             {"first sequence", std::to_string(record.first_sequence)},
             {"stripes", std::to_string(record.stripes)}}};
  }
  if (WhereKey where; decode(key, where)) {
    ExtentRun run;
    if (!decode(value, where.first, run)) return broken("where a stream is");
    RecordWords told{"where a stream is in a segment",
                     {{"stream id", std::to_string(where.stream.value)},
                      {"segment", std::to_string(run.segment.value)}}};
    for (size_t i = 0; i < run.places.size() && i < kPartsTold; ++i) {
      told.words.emplace_back("stripe " + std::to_string(number_in_segment(run.places[i].stripe)),
                              fmt::format("from offset {}", run.places[i].first.value));
    }
    return told;
  }
  if (key.size() == 9 && key[0] == static_cast<char>(KeyKind::stripe)) {
    StripeRecord record;
    if (!decode(value, record)) return broken("what a stripe holds");
    RecordWords told{"what a stripe holds of each stream",
                     {{"stripe", stripe_words(record.stripe)},
                      {"knows of all sequences below", std::to_string(record.next.value)},
                      {"streams", std::to_string(record.entries.size())}}};
    for (size_t i = 0; i < record.entries.size() && i < kPartsTold; ++i) {
      const StripeEntry& entry = record.entries[i];
      told.words.emplace_back(fmt::format("stream id {}", entry.stream.value),
                              fmt::format("offsets [{}, {}), last stored {}", entry.first.value,
                                          entry.next.value, time_words(entry.last_stored_us)));
    }
    return told;
  }
  const bool erasure = !key.empty() && key[0] == static_cast<char>(KeyKind::erasure);
  return unknown(erasure ? "an erasure that is under way" : "a record of segments", value);
}

// --- The others.

RecordWords consumer_words(std::string_view key, std::string_view value) {
  if (std::string_view consumer; !key.empty() && static_cast<uint8_t>(key[0]) >= 0x20) {
    StreamId stream;
    PositionRecord record;
    if (!decode_position_key(key, consumer, stream) || !decode(value, record)) {
      return broken("a committed position");
    }
    return {"a committed position",
            {{"consumer", std::string(consumer)},
             {"stream id", std::to_string(stream.value)},
             {"next", std::to_string(record.next)},
             {"committed", render_time({record.committed_us})},
             {"metadata", record.metadata}}};
  }
  if (key.size() > 1 && key[0] == static_cast<char>(ConsumerKey::definition)) {
    DefinitionRecord record;
    if (!decode(value, record)) return broken("the definition of a consumer");
    return {"the definition of a consumer",
            {{"consumer", std::string(key.substr(1))},
             {"consumer id", std::to_string(record.id)},
             {"mode", name_of(record.settings.mode)},
             {"created", render_time(record.created)}}};
  }
  if (key.size() == 9 && key[0] == static_cast<char>(ConsumerKey::state)) {
    ConsumerState state;
    if (!decode(value, state)) return broken("where a consumer stands");
    return {"where a consumer stands",
            {{"consumer id", std::to_string(get_be64(key, 1))},
             {"epoch", std::to_string(state.epoch)},
             {"next position", std::to_string(state.next)}}};
  }
  if (key.size() == 17) {
    const bool dead = key[0] == static_cast<char>(ConsumerKey::dead);
    return {
        dead ? "a dead letter" : "unacked events of 64 positions",
        {{"consumer id", std::to_string(get_be64(key, 1))},
         {dead ? "position" : "first position", std::to_string(get_be64(key, 9) * (dead ? 1 : 64))},
         {"bytes", std::to_string(value.size())}}};
  }
  return unknown("a record of consumers", value);
}

RecordWords producer_words(std::string_view key, std::string_view value) {
  if (key.empty()) return unknown("a record of producers", value);
  switch (static_cast<KeyKind>(key[0])) {
    case KeyKind::head: {
      ProducerHead head;
      if (key.size() < 9 || !decode(value, head)) return broken("where a producer stands");
      return {"where a producer stands",
              {{"stream id", std::to_string(get_be64(key, 1))},
               {"producer", std::string(key.substr(9))},
               {"epoch", std::to_string(head.epoch)},
               {"next sequence", std::to_string(head.next)}}};
    }
    case KeyKind::original:
      return unknown("what became of a producer's appends", value);
    case KeyKind::answer:
      return {"the answer that is kept for an idempotency key",
              {{"idempotency key", std::string(key.substr(1))}}};
    case KeyKind::mark:
      return unknown("an id that was processed", value);
    case KeyKind::expiry:
      return unknown("when an answer or a processed id expires", value);
    case KeyKind::tally:
      return unknown("how many answers and processed ids there are", value);
  }
  return unknown("a record of producers", value);
}

RecordWords access_words(std::string_view key, std::string_view value) {
  std::string_view name;
  if (!decode_access_key(key, name)) return unknown("a record of access control", value);
  ApiKey record;
  if (!decode(value, record)) return broken("an API key");
  std::string grants;
  for (const Grant& grant : record.grants.list()) {
    grants += (grants.empty() ? "" : " ") + render_grant(grant);
  }
  return {"an API key",
          {{"key", std::string(name)},
           {"grants", grants},
           {"created", render_time(record.created)},
           {"revoked", record.revoked ? render_time(*record.revoked) : "no"}}};
}

RecordWords index_words(std::string_view key, std::string_view value) {
  StripeId stripe;
  if (decode_summary_key(key, stripe)) {
    StripeSummary summary;
    if (!decode(value, summary)) return broken("the index of a stripe");
    return {"the index of a stripe: its summary",
            {{"stripe", stripe_words(stripe)},
             {"sequences", fmt::format("[{}, {})", summary.first.value, summary.next.value)},
             {"types", summary.types_are_terms ? "too many to be listed"
                                               : std::to_string(summary.types.size())}}};
  }
  if (uint8_t bucket = 0; decode_terms_key(key, bucket, stripe)) {
    BucketTerms terms;
    if (!decode(value, terms)) return broken("terms of a stripe");
    return {"the index of a stripe: terms",
            {{"stripe", stripe_words(stripe)},
             {"bucket", std::to_string(bucket)},
             {"terms", std::to_string(terms.size())}}};
  }
  IndexChunks chunks;
  if (!key.empty() && key[0] == static_cast<char>(IndexKey::chunks) && decode(value, chunks)) {
    return {"the index of a stripe: chunks", {{"chunks", std::to_string(chunks.size())}}};
  }
  return unknown("a record of the index", value);
}

}  // namespace

RecordWords words_of(std::string_view family, std::string_view key, std::string_view value) {
  if (family == "events") return event_words(key, value);
  if (family == "streams") return stream_words(key, value);
  if (family == "segments") return segment_words(key, value);
  if (family == "consumers") return consumer_words(key, value);
  if (family == "producers") return producer_words(key, value);
  if (family == "access") return access_words(key, value);
  if (family == "index") return index_words(key, value);
  return unknown("a record of " + std::string(family), value);
}

std::string to_hex(std::string_view bytes) {
  std::string out;
  out.reserve(2 * bytes.size());
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return out;
}

}  // namespace strandline
