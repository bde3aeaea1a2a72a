#include "engine/state/stripe_list.h"

#include <algorithm>

#include "engine/base/varint.h"

namespace strandline {

StripeList::StripeList(const StripeRecord& record) : stripe_(record.stripe) {
  constexpr size_t kEach = 32;
  StreamId before(0);
  for (size_t i = 0; i < record.entries.size(); ++i) {
    const StripeEntry& entry = record.entries[i];
    if (i % kEach == 0) samples_.push_back({entry.stream, before, packed_.size()});
    put_varint(packed_, entry.stream - before);
    put_varint(packed_, entry.first.value);
    before = entry.stream;
  }
  packed_.shrink_to_fit();
  samples_.shrink_to_fit();
}

std::optional<Offset> StripeList::find(StreamId stream) const {
  const auto after = std::ranges::upper_bound(samples_, stream, {}, &Sample::first);
  if (after == samples_.begin()) return std::nullopt;
  const Sample& sample = *std::prev(after);
  Reader reader(std::string_view(packed_).substr(sample.at), sample.before);
  while (reader.valid() && reader.stream() < stream) reader.next();
  if (!reader.valid() || reader.stream() != stream) return std::nullopt;
  return reader.first();
}

void StripeList::Reader::next() {
  const auto less = take_varint(left_), first = take_varint(left_);
  valid_ = less && first;
  if (!valid_) return;
  stream_ += *less;
  first_ = Offset(*first);
}

}  // namespace strandline
