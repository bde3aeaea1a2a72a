// The numbers of the log, each a type of its own so that none is passed where another is meant.
//
// *Offset*: an event's place in its stream, 0, 1, 2, ... without a hole.
// *Sequence*: an event's place in the whole log, in the order of commits, from 0 without a hole.
// *StreamId*: a stream's number; 0 is the log's own stream, the order in which groups committed.
// *SegmentId*: a run of the log in time; the unit of retention.
// *Timestamp*: microseconds since the Unix epoch, UTC.
// Ranges are half-open.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <ostream>

namespace strandline {

template <class Tag>
struct Number {
  uint64_t value = 0;

  constexpr Number() = default;
  constexpr explicit Number(uint64_t v) : value(v) {}
  constexpr auto operator<=>(const Number&) const = default;
  constexpr Number operator+(uint64_t n) const { return Number(value + n); }
  constexpr Number operator-(uint64_t n) const { return Number(value - n); }
  constexpr uint64_t operator-(Number other) const { return value - other.value; }
  constexpr Number& operator+=(uint64_t n) {
    value += n;
    return *this;
  }
  friend std::ostream& operator<<(std::ostream& out, Number n) { return out << n.value; }
};

using Offset = Number<struct OffsetTag>;
using Sequence = Number<struct SequenceTag>;
using StreamId = Number<struct StreamIdTag>;
using SegmentId = Number<struct SegmentIdTag>;

struct Timestamp {
  int64_t us = 0;  // since 1970-01-01T00:00:00Z
  constexpr auto operator<=>(const Timestamp&) const = default;
};

// The log's own stream.
inline constexpr StreamId kLogStream{0};

// Its reserved name, by which `$all` is addressed from outside.
inline constexpr char kAllName[] = "$all";

}  // namespace strandline

template <class Tag>
struct std::hash<strandline::Number<Tag>> {
  size_t operator()(strandline::Number<Tag> n) const {
    // Ids are dense; a multiplicative mix spreads them over the buckets.
    return n.value * 0x9E3779B97F4A7C15ull;
  }
};
