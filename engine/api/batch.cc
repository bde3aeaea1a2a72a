#include "engine/api/batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "engine/api/batch_verifier.h"
#include "engine/api/event_rules.h"
#include "engine/base/check.h"

namespace strandline {
namespace {

// How much larger than batch_bytes_max a batch may be that writes out what its events share, such
// as a type that recurs.
constexpr size_t kSharingMax = 4;

Error at_event(size_t index, Error error) {
  error.message = fmt::format("event {}: {}", index, error.message);
  return error;
}

Error too_large(size_t bytes, const Limits& limits) {
  return Error{.code = Code::too_large,
               .message = fmt::format("a batch of {} bytes: the limit is {}", bytes,
                                      limits.batch_bytes_max)};
}

// JSON is kept on one line, with nothing around it, so that what was exported and imported again is
// the same: a line end stands between tokens only, and means no more than a space.
void put_on_one_line(char* at, size_t bytes) {
  char* const stop = at + bytes;
  for (const char end : {'\n', '\r'}) {
    char* found = at;
    while (
        (found = static_cast<char*>(std::memchr(found, end, static_cast<size_t>(stop - found))))) {
      *found++ = ' ';
    }
  }
}

flatbuffers::Offset<flatbuffers::Vector<uint8_t>> add_data(
    DataForm form, std::string_view data, flatbuffers::FlatBufferBuilder& builder) {
  if (form == DataForm::json) data = without_json_space(data);
  uint8_t* at = nullptr;
  const auto vector = builder.CreateUninitializedVector<uint8_t>(data.size(), &at);
  std::ranges::copy(data, at);
  if (form == DataForm::json) put_on_one_line(reinterpret_cast<char*>(at), data.size());
  return vector;
}

}  // namespace

Result<Batch> Batch::verified(std::string flatbuffer, const Limits& limits) {
  if (flatbuffer.size() > limits.batch_bytes_max) {
    return std::unexpected(too_large(flatbuffer.size(), limits));
  }
  // Exactly its bytes, at the beginning of an allocation of their own, which is aligned for
  // anything: the offsets that the Verifier finds aligned are so in memory, and one byte past the
  // end is past the allocation, for the sanitizers to see.
  flatbuffer.shrink_to_fit();
  CHECK_EQ(reinterpret_cast<uintptr_t>(flatbuffer.data()) % alignof(uint64_t), 0u);
  if (!is_batch(flatbuffer, limits)) {
    return fail(
        Code::invalid,
        "not a FlatBuffer of schemas/batch.fbs (file identifier STRB): the Verifier refuses it");
  }
  const auto* root = schema::GetBatch(flatbuffer.data());
  const size_t count = root->events()->size();
  if (count == 0) return fail(Code::invalid, "a batch holds at least one event");
  if (count > limits.batch_events_max) {
    return fail(Code::too_large, fmt::format("a batch of {} events: the limit is {}", count,
                                             limits.batch_events_max));
  }
  // A buffer may let its events share strings and data; what it expands to is bounded as well, for
  // every reader has to print it.
  size_t expanded = 0;
  bool as_kept = true;
  for (size_t i = 0; i < count; ++i) {
    const schema::Event& event = *root->events()->Get(flatbuffers::uoffset_t(i));
    expanded += event_bytes(event);
    if (expanded > kSharingMax * limits.batch_bytes_max) {
      return std::unexpected(too_large(expanded, limits));
    }
    if (auto ok = check_event(event, limits); !ok) {
      return std::unexpected(at_event(i, std::move(ok.error())));
    }
    as_kept = as_kept && is_as_kept(event);
  }
  if (as_kept) return Batch(std::move(flatbuffer), static_cast<uint32_t>(count));
  BatchBuilder builder(limits);
  for (size_t i = 0; i < count; ++i) {
    const schema::Event& event = *root->events()->Get(flatbuffers::uoffset_t(i));
    if (auto ok = builder.add(new_event_of(event, limits)); !ok) {
      return std::unexpected(at_event(i, std::move(ok.error())));
    }
  }
  return builder.finish();
}

Result<Batch> Batch::of(std::span<const NewEvent> events, const Limits& limits) {
  BatchBuilder builder(limits);
  for (size_t i = 0; i < events.size(); ++i) {
    if (auto ok = builder.add(events[i]); !ok) {
      return std::unexpected(at_event(i, std::move(ok.error())));
    }
  }
  return builder.finish();
}

Status BatchBuilder::add(const NewEvent& event) {
  if (auto ok = check_event(event, limits_); !ok) return ok;
  if (events_.size() == limits_.batch_events_max) {
    return fail(Code::too_large,
                fmt::format("more than {} events in a batch", limits_.batch_events_max));
  }
  // What the event adds at most: its strings and data, and some 100 bytes of table around them.
  size_t bytes = 128 + event.data.size();
  for (const std::string_view field : {event.type, event.id, event.source, event.subject,
                                       event.time, event.datacontenttype, event.dataschema}) {
    bytes += field.size() + 8;
  }
  for (const Attribute& attribute : event.attributes) {
    bytes += attribute.name.size() + attribute.text.size() + 48;
  }
  if (builder_.GetSize() + bytes + 4 * events_.size() > limits_.batch_bytes_max && count() > 0) {
    return std::unexpected(too_large(builder_.GetSize() + bytes, limits_));
  }
  const auto text = [&](std::string_view s) {
    return s.empty() ? 0 : builder_.CreateString(s.data(), s.size());
  };
  flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<schema::Attribute>>> attributes;
  if (!event.attributes.empty()) {
    std::vector<flatbuffers::Offset<schema::Attribute>> items;
    for (const Attribute& attribute : event.attributes) {
      const auto name = builder_.CreateString(attribute.name.data(), attribute.name.size());
      const auto value = builder_.CreateString(attribute.text.data(), attribute.text.size());
      items.push_back(schema::CreateAttribute(builder_, name, value, attribute.kind));
    }
    attributes = builder_.CreateVector(items);
  }
  const auto data = event.form == DataForm::none ? 0 : add_data(event.form, event.data, builder_);
  // A type recurs, so it is stored once a batch; the builder orders the rest.
  const auto type = builder_.CreateSharedString(event.type.data(), event.type.size());
  const auto id = text(event.id), source = text(event.source), subject = text(event.subject);
  const auto time = text(event.time), content = text(event.datacontenttype);
  const auto dataschema = text(event.dataschema);
  events_.push_back(schema::CreateEvent(builder_, type, id, source, subject, time, content,
                                        dataschema, attributes, event.form, data));
  return {};
}

Result<Batch> BatchBuilder::finish() {
  if (events_.empty()) return fail(Code::invalid, "a batch holds at least one event");
  const auto count = static_cast<uint32_t>(events_.size());
  schema::FinishBatchBuffer(builder_,
                            schema::CreateBatch(builder_, builder_.CreateVector(events_)));
  std::string bytes(reinterpret_cast<const char*>(builder_.GetBufferPointer()), builder_.GetSize());
  builder_.Clear();
  events_.clear();
  if (bytes.size() > limits_.batch_bytes_max) {
    return std::unexpected(too_large(bytes.size(), limits_));
  }
  return Batch(std::move(bytes), count);
}

Status check_name(std::string_view name, const Limits& limits) {
  const auto rule = fmt::format(
      "names are 1 to {} bytes of UTF-8 without control characters, not beginning with $, and not "
      ". or ..",
      limits.name_bytes_max);
  if (name.empty()) return fail(Code::invalid, "an empty name: " + rule);
  if (name.size() > limits.name_bytes_max) {
    return fail(Code::invalid, fmt::format("a name of {} bytes: {}", name.size(), rule));
  }
  if (!is_plain_text(name)) return fail(Code::invalid, "a name with other characters: " + rule);
  // RFC 3986, section 5.2.4: clients take these segments out of a path, percent-encoded ones too.
  if (name == "." || name == "..") {
    return fail(Code::invalid, fmt::format("\"{}\" is a name that no URL reaches: {}", name, rule));
  }
  if (name.starts_with('$')) {
    return fail(Code::invalid, fmt::format("\"{}\" is reserved: {}", name, rule));
  }
  return {};
}

}  // namespace strandline
