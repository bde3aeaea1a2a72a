// FlatBuffer frames (schemas/frame.h), for pages and followers.
#include "engine/api/event_rules.h"
#include "engine/base/check.h"
#include "schemas/frame.h"
#include "server/wire/form.h"

namespace strandline::server {
namespace {

// The selected events alone, where a filter, a limit or a position cut a batch.
Batch cut_batch(const Events& events) {
  BatchBuilder builder(limits_of_stored());
  NewEvent copy{.type = {}};
  const auto* root = flatbuffers::GetRoot<schema::Batch>(events.flatbuffer().data());
  for (uint32_t i = 0; i < events.count(); ++i) {
    const Event event(root->events()->Get(events.skip() + i), {}, {}, {});
    copy.type = event.type();
    copy.id = event.id();
    copy.source = event.source();
    copy.subject = event.subject();
    copy.time = event.time();
    copy.datacontenttype = event.datacontenttype();
    copy.dataschema = event.dataschema();
    copy.form = event.form();
    copy.data = event.data();
    copy.attributes.clear();
    event.for_each_attribute(
        [&](const Attribute& attribute) { copy.attributes.push_back(attribute); });
    // What is stored was verified on arrival.
    CHECK_TRUE(builder.add(copy));
  }
  auto batch = builder.finish();
  CHECK_TRUE(batch);
  return std::move(*batch);
}

class FramesForm : public Form {
 public:
  std::string_view media_type() const override { return schema::kBatchMediaType; }

  // A frame is not divided: what is left of a run is printed whole.
  uint32_t events(std::string& out, const Events& events, uint32_t i, size_t) override {
    if (i > 0) return events.count();
    const schema::FrameHead head{.kind = schema::FrameKind::batch,
                                 .reason = attempt_,
                                 .count = events.count(),
                                 .first = events.first().value,
                                 .sequence = events.sequence().value,
                                 .stored_us = events.stored().us};
    if (events.whole_batch()) {
      schema::append_frame(out, head, events.stream(), events.flatbuffer());
    } else {
      schema::append_frame(out, head, events.stream(), cut_batch(events).bytes());
    }
    return events.count();
  }

  void gap(std::string& out, const Gap& gap) override {
    schema::append_frame(out,
                         {.kind = schema::FrameKind::gap,
                          .reason = static_cast<uint8_t>(gap.reason),
                          .first = gap.from,
                          .sequence = gap.to},
                         gap.stream, gap.detail);
  }

  void moved(std::string& out, uint64_t position) override { place(out, position); }
  void caught_up(std::string& out, uint64_t position) override { place(out, position); }
  void keepalive(std::string& out, uint64_t position) override { place(out, position); }
  void ended(std::string& out, std::string_view reason) override {
    schema::append_frame(out, {.kind = schema::FrameKind::end}, {}, reason);
  }
  void attempt(uint32_t number) override {
    attempt_ = static_cast<uint8_t>(std::min<uint32_t>(number, UINT8_MAX));
  }

 private:
  static void place(std::string& out, uint64_t position) {
    schema::append_frame(out, {.kind = schema::FrameKind::position, .first = position}, {}, {});
  }

  uint8_t attempt_ = 0;
};

}  // namespace

std::unique_ptr<Form> frames_form() { return std::make_unique<FramesForm>(); }

}  // namespace strandline::server
