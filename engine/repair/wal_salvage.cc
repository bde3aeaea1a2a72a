#include "engine/repair/wal_salvage.h"

#include <algorithm>
#include <map>

#include "engine/store/wal_records.h"

namespace strandline {
namespace {

class WalSalvage {
 public:
  WalSalvage(std::string_view file, std::string_view sign) : file_(file), sign_(sign) {}

  SalvagedWal run(uint64_t least) {
    while (at_ < file_.size()) {
      if (const size_t past = past_trailer(file_, at_); past != at_) {
        at_ = past;
        continue;
      }
      // Blocks begin with a record: what is found from here on is in its place.
      if (at_ % kLogBlockBytes == 0) searched_ = false;
      if (const auto record = record_at(file_, at_)) {
        take(*record);
      } else {
        pass();
      }
    }
    drop_unfinished();
    drop_foreign();
    SalvagedWal out;
    out.next = least;
    for (const auto& [sequence, batch] : batches_) {
      if (sequence < out.next) continue;  // tells of another time
      out.next = span_of(batch.bytes)->next();
      add_batch(out.bytes, batch.bytes);
      ++out.batches;
    }
    std::ranges::sort(holes_, {}, &SalvagedWal::Hole::from);
    out.holes = std::move(holes_);
    return out;
  }

 private:
  void take(const LogRecord& record) {
    if (record.begins()) {
      drop_unfinished();
      begin_ = at_;
      batch_.clear();
      begun_ = true;
    }
    const size_t from = at_;
    at_ = record.end;
    if (!begun_) return lose(from, at_);  // its beginning is lost
    batch_ += record.payload;
    if (!record.ends()) return;
    begun_ = false;
    const auto span = span_of(batch_);
    const auto mark = stamp_of(batch_, sign_);
    // Without a mark: of a build that wrote none.
    if (!span || (searched_ && !mark)) return lose(begin_, at_);
    if (mark) ++marked_[mark->before];
    batches_.try_emplace(span->sequence, Kept{std::move(batch_), {begin_, at_}});
    batch_.clear();
  }

  // A page of another file has batches of another beginning or without a mark; so has what only
  // looks like a batch.
  void drop_foreign() {
    if (marked_.empty()) return;
    const auto most =
        std::ranges::max_element(marked_, {}, [](const auto& one) { return one.second; });
    // If most do not agree, they are of a build whose marks said something else of every batch.
    const bool agree = most->second * 2 > batches_.size();
    std::erase_if(batches_, [&](const auto& one) {
      const auto mark = stamp_of(one.second.bytes, sign_);
      const bool foreign = !mark || (agree && mark->before != most->first);
      if (foreign) holes_.push_back(one.second.place);
      return foreign;
    });
  }

  // Over a record that is not whole, to the next place where one is.
  void pass() {
    drop_unfinished();
    const size_t from = at_;
    const size_t block_end = std::min(file_.size(), at_ + (kLogBlockBytes - at_ % kLogBlockBytes));
    if (at_ + kLogHeadBytes <= block_end) {
      const size_t length = static_cast<uint8_t>(file_[at_ + 4]) +
                            (static_cast<size_t>(static_cast<uint8_t>(file_[at_ + 5])) << 8);
      const size_t end = past_trailer(file_, std::min(at_ + kLogHeadBytes + length, block_end));
      if (at_ + kLogHeadBytes + length <= block_end && may_follow(end)) {
        at_ = end;
        return lose(from, at_);
      }
      if (take_with_another_length(block_end)) return;
    }
    searched_ = true;
    while (++at_ < block_end && !record_at(file_, at_)) {
    }
    lose(from, at_);
  }

  bool may_follow(size_t end) const {
    return end == file_.size() || end % kLogBlockBytes == 0 || record_at(file_, end);
  }

  // If one bit of the length turned over, the record is as good as whole.
  bool take_with_another_length(size_t block_end) {
    std::string repaired(file_.substr(at_, block_end - at_));
    for (size_t bit = 0; bit < 16; ++bit) {
      const size_t byte = 4 + bit / 8;
      const char turned = static_cast<char>(1 << bit % 8);
      repaired[byte] = static_cast<char>(repaired[byte] ^ turned);
      // As at the beginning of a block: what is left of this one is all there is.
      if (auto record = record_at(repaired, 0)) {
        record->end += at_;
        if (may_follow(past_trailer(file_, record->end))) {
          take(*record);
          return true;
        }
      }
      repaired[byte] = static_cast<char>(repaired[byte] ^ turned);
    }
    return false;
  }

  void drop_unfinished() {
    if (begun_) lose(begin_, at_);
    begun_ = false;
  }

  void lose(size_t from, size_t to) {
    if (!holes_.empty() && holes_.back().to >= from) {
      holes_.back().to = to;
    } else {
      holes_.push_back({from, to});
    }
  }

  const std::string_view file_, sign_;
  size_t at_ = 0;
  bool searched_ = false;              // since the last place where a record must begin
  std::map<uint64_t, size_t> marked_;  // how many batches say that the file began after this number
  bool begun_ = false;
  size_t begin_ = 0;
  std::string batch_;
  struct Kept {
    std::string bytes;
    SalvagedWal::Hole place;
  };
  std::map<uint64_t, Kept> batches_;  // by sequence number
  std::vector<SalvagedWal::Hole> holes_;
};

}  // namespace

SalvagedWal salvage_wal(std::string_view file, std::string_view sign, uint64_t least) {
  return WalSalvage(file, sign).run(least);
}

}  // namespace strandline
