#include "engine/store/left_out.h"

namespace strandline {
namespace {

thread_local Rewriting* rewriting_here = nullptr;

class LeftOut : public rocksdb::CompactionFilter {
 public:
  LeftOut(const Dropped* dropped, Rewriting* rewriting)
      : dropped_(dropped), rewriting_(rewriting) {}
  const char* Name() const override { return "strandline.left-out"; }

  bool Filter(int, const rocksdb::Slice& key, const rocksdb::Slice& value, std::string*,
              bool*) const override {
    EventKey event;
    if (!decode({key.data(), key.size()}, event)) return false;
    if (dropped_->has(segment_of(event.stripe))) return true;
    if (!rewriting_) return false;
    rewriting_->passed(key.size() + value.size());
    const bool dead = segment_of(event.stripe) == rewriting_->segment &&
                      rewriting_->is_dead(event, {value.data(), value.size()});
    if (dead) rewriting_->removed_bytes += value.size();
    return dead;
  }

 private:
  const Dropped* dropped_;
  Rewriting* rewriting_;
};

class LeftOutFactory : public rocksdb::CompactionFilterFactory {
 public:
  explicit LeftOutFactory(const Dropped* dropped) : dropped_(dropped) {}
  const char* Name() const override { return "strandline.left-out"; }
  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    return std::make_unique<LeftOut>(dropped_, rewriting_here);
  }

 private:
  const Dropped* dropped_;
};

}  // namespace

RewritingHere::RewritingHere(Rewriting& rewriting) { rewriting_here = &rewriting; }
RewritingHere::~RewritingHere() { rewriting_here = nullptr; }

std::shared_ptr<rocksdb::CompactionFilterFactory> left_out_factory(const Dropped* dropped) {
  return std::make_shared<LeftOutFactory>(dropped);
}

}  // namespace strandline
