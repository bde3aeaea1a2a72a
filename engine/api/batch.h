// Events on their way in, and one event as it is read.
//
// A Batch is a FlatBuffer (schemas/batch.fbs) that has been verified: its structure by FlatBuffers'
// Verifier, its contents by the rules below. Only verified bytes become a Batch, so whatever holds
// one never checks again. *Memory*: a Batch owns its bytes; an Event is a view and lives as long as
// the bytes it came from. *Errors*: invalid and too_large, with the number of the event (from 0).
//
// The rules (CloudEvents 1.0, sections "Context Attributes" and "Type System"):
//   a batch holds 1 to batch_events_max events; an event has a type;
//   strings are UTF-8 without control characters; an empty one is an absent one;
//   extension names are 1 to attribute_name_bytes_max of [a-z0-9], and not one of the names that
//   CloudEvents or this log has taken (`stream`, `offset`, `sequence`, `stored`);
//   data said to be JSON is one JSON value in UTF-8, with numbers of any size, at most
//   json_levels_max deep; it is kept on one line, without white space around it;
//   data said to be text is UTF-8. Data in another charset is binary;
//   a string of data is text or JSON as its datacontenttype says: not the one under the other's.
// They hold alike for whatever brings an event in, and for what the log writes itself.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/error.h"
#include "engine/api/options.h"
#include "engine/api/types.h"
#include "schemas/batch_generated.h"

namespace strandline {

using schema::AttributeKind;
using schema::DataForm;

struct Attribute {
  std::string_view name;
  std::string_view text;
  AttributeKind kind = AttributeKind::text;
};

// An event to append. Only `type` is needed; an empty string means absent. Views: they need to live
// only until BatchBuilder::add or Batch::of returns.
struct NewEvent {
  std::string_view type;
  std::string_view id = {};
  std::string_view source = {};
  std::string_view subject = {};
  std::string_view time = {};  // RFC 3339
  std::string_view datacontenttype = {};
  std::string_view dataschema = {};
  std::vector<Attribute> attributes = {};
  DataForm form = DataForm::none;
  std::string_view data = {};
};

class Batch {
 public:
  // Takes a FlatBuffer that came from outside.
  static Result<Batch> verified(std::string flatbuffer, const Limits& limits = {});
  // Builds one.
  static Result<Batch> of(std::span<const NewEvent> events, const Limits& limits = {});
  static Result<Batch> of(std::initializer_list<NewEvent> events, const Limits& limits = {}) {
    return of(std::span(events.begin(), events.size()), limits);
  }

  uint32_t count() const { return count_; }
  std::string_view bytes() const { return bytes_; }
  const schema::Batch& root() const { return *flatbuffers::GetRoot<schema::Batch>(bytes_.data()); }

 private:
  friend class BatchBuilder;
  Batch(std::string bytes, uint32_t count) : bytes_(std::move(bytes)), count_(count) {}

  std::string bytes_;
  uint32_t count_;
};

// Collects events one by one, for those that parse them one by one.
class BatchBuilder {
 public:
  explicit BatchBuilder(const Limits& limits = {}) : limits_(limits) {}

  // Checks the event; after an error the builder is as it was.
  Status add(const NewEvent& event);
  size_t count() const { return events_.size(); }
  size_t bytes() const { return builder_.GetSize(); }  // so far
  // The batch, and an empty builder again. Needs at least one event.
  Result<Batch> finish();

 private:
  Limits limits_;
  flatbuffers::FlatBufferBuilder builder_{4096};
  std::vector<flatbuffers::Offset<schema::Event>> events_;
};

// One stored event.
class Event {
 public:
  Event(const schema::Event* raw, Offset offset, Sequence sequence, Timestamp stored)
      : offset(offset), sequence(sequence), stored(stored), raw_(raw) {}

  const Offset offset;
  const Sequence sequence;
  const Timestamp stored;

  std::string_view type() const { return view(raw_->type()); }
  // What the client gave; empty where it gave nothing.
  std::string_view id() const { return view(raw_->id()); }
  std::string_view source() const { return view(raw_->source()); }
  std::string_view subject() const { return view(raw_->subject()); }
  std::string_view time() const { return view(raw_->time()); }
  std::string_view datacontenttype() const { return view(raw_->datacontenttype()); }
  std::string_view dataschema() const { return view(raw_->dataschema()); }
  DataForm form() const { return raw_->form(); }
  std::string_view data() const {
    const auto* data = raw_->data();
    return data ? std::string_view(reinterpret_cast<const char*>(data->data()), data->size())
                : std::string_view();
  }
  template <class Visit>  // void(const Attribute&)
  void for_each_attribute(Visit visit) const {
    if (const auto* attributes = raw_->attributes()) {
      for (const auto* attribute : *attributes) {
        visit(Attribute{view(attribute->name()), view(attribute->text()), attribute->kind()});
      }
    }
  }

 private:
  static std::string_view view(const flatbuffers::String* s) {
    return s ? std::string_view(s->c_str(), s->size()) : std::string_view();
  }

  const schema::Event* raw_;
};

// A stream's name: 1 to name_bytes_max bytes of UTF-8 without control characters, not beginning
// with `$`, and not `.` or `..`, which no URL reaches. Consumers' names follow the same rule.
Status check_name(std::string_view name, const Limits& limits);

}  // namespace strandline
