#include "engine/format/rebuilt_batch.h"

#include <algorithm>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/varint.h"
#include "schemas/batch_generated.h"

namespace strandline {
namespace {

using Builder = flatbuffers::FlatBufferBuilder;
using flatbuffers::uoffset_t;

const schema::Event* event_at(const Part& part, uint32_t i) {
  return flatbuffers::GetRoot<schema::Batch>(part.flatbuffer.data())->events()->Get(i);
}

flatbuffers::Offset<schema::Event> copy(Builder& builder, const schema::Event& event,
                                        bool without_data) {
  const auto text = [&](const flatbuffers::String* s) {
    return s ? builder.CreateString(s->c_str(), s->size())
             : flatbuffers::Offset<flatbuffers::String>();
  };
  std::vector<flatbuffers::Offset<schema::Attribute>> items;
  if (const auto* attributes = event.attributes()) {
    for (const auto* one : *attributes) {
      if (without_data && one->name()->string_view() == kErasedAttribute) continue;
      const auto name = text(one->name()), value = text(one->text());
      items.push_back(schema::CreateAttribute(builder, name, value, one->kind()));
    }
  }
  if (without_data) {
    const auto name = builder.CreateString(kErasedAttribute.data(), kErasedAttribute.size());
    const auto value = builder.CreateString("true");
    items.push_back(schema::CreateAttribute(builder, name, value, schema::AttributeKind::boolean));
  }
  flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<schema::Attribute>>> attributes;
  if (!items.empty()) attributes = builder.CreateVector(items);
  flatbuffers::Offset<flatbuffers::Vector<uint8_t>> data;
  if (!without_data && event.data()) {
    data = builder.CreateVector(event.data()->data(), event.data()->size());
  }
  const auto type = builder.CreateSharedString(event.type()->c_str(), event.type()->size());
  const auto id = text(event.id()), source = text(event.source()), subject = text(event.subject());
  const auto time = text(event.time()), content = text(event.datacontenttype());
  const auto dataschema = text(event.dataschema());
  return schema::CreateEvent(builder, type, id, source, subject, time, content, dataschema,
                             attributes, without_data ? schema::DataForm::none : event.form(),
                             data);
}

class Rebuilder {
 public:
  explicit Rebuilder(std::span<const Loss> losses) : losses_(losses) {}

  // Walks a part as runs that share a fate.
  void add(const Part& part) {
    for (uint32_t i = 0; i < part.count;) {
      if (part.gone) {
        add_hole(*part.gone, part.sequence + i, part.count - i);
        return;
      }
      const Loss* loss = loss_at(part.first + i);
      if (loss && !loss->data_only) {
        const auto end = static_cast<uint32_t>(
            std::min<uint64_t>(part.count, loss->first + loss->count - part.first));
        flush();
        add_hole(loss->reason, part.sequence + i, end - i);
        i = end;
        continue;
      }
      add_event(part, i, loss != nullptr);
      ++i;
    }
    flush();
  }

  std::string finish(const EventKey& key, const StoredBatch& batch, const BatchFields& fields) {
    flush();
    flush_hole();
    std::string appended;
    put_varint(appended, batch.appended_bytes());
    writer_.put_field(BatchField::appended_bytes, appended);
    for (const auto& [tag, bytes] : fields) writer_.put_field(tag, bytes);
    const StoredHead& head = batch.head();
    return writer_.finish(key, head.sequence, head.stored, head.bytes_before);
  }

 private:
  const Loss* loss_at(Offset offset) {
    while (!losses_.empty() && losses_.front().first + losses_.front().count <= offset) {
      losses_ = losses_.subspan(1);
    }
    return !losses_.empty() && losses_.front().first <= offset ? &losses_.front() : nullptr;
  }

  void add_event(const Part& part, uint32_t i, bool without_data) {
    flush_hole();
    if (events_.empty()) sequence_ = part.sequence + i;
    events_.push_back(copy(builder_, *event_at(part, i), without_data));
  }

  // Of events that were there: their part ends with the one that was appended.
  void flush() {
    if (events_.empty()) return;
    schema::FinishBatchBuffer(builder_,
                              schema::CreateBatch(builder_, builder_.CreateVector(events_)));
    writer_.add_part(
        {reinterpret_cast<const char*>(builder_.GetBufferPointer()), builder_.GetSize()},
        static_cast<uint32_t>(events_.size()), sequence_);
    builder_.Clear();
    events_.clear();
  }

  // Holes of the same reason are one where they follow each other in sequence, too.
  void add_hole(GapReason reason, Sequence sequence, uint32_t count) {
    if (hole_count_ > 0 && reason == hole_reason_ && hole_sequence_ + hole_count_ == sequence) {
      hole_count_ += count;
      return;
    }
    flush_hole();
    hole_reason_ = reason;
    hole_sequence_ = sequence;
    hole_count_ = count;
  }
  void flush_hole() {
    if (hole_count_ > 0) writer_.add_hole(hole_reason_, hole_count_, hole_sequence_);
    hole_count_ = 0;
  }

  std::span<const Loss> losses_;
  StoredBatchWriter writer_;
  Builder builder_;
  std::vector<flatbuffers::Offset<schema::Event>> events_;  // of the piece that is being made
  Sequence sequence_;                                       // of its first
  GapReason hole_reason_ = GapReason::erased;
  Sequence hole_sequence_;
  uint32_t hole_count_ = 0;
};

}  // namespace

std::string rebuild(const EventKey& key, const StoredBatch& batch, std::span<const Loss> losses,
                    const BatchFields& fields) {
  Rebuilder rebuilder(losses);
  for (Part part = batch.first_part();; part = batch.part_after(part)) {
    rebuilder.add(part);
    if (part.first + part.count == batch.next()) break;
  }
  return rebuilder.finish(key, batch, fields);
}

bool is_without_data(const Part& part, uint32_t i) {
  const schema::Event& event = *event_at(part, i);
  if (event.data() || event.form() != schema::DataForm::none || !event.attributes()) return false;
  for (const auto* one : *event.attributes()) {
    if (one->name()->string_view() == kErasedAttribute) return true;
  }
  return false;
}

}  // namespace strandline
