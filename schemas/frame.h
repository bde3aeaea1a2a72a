// A frame: how batches travel to a reader that asked for application/vnd.strandline.batch.
//
// A response is frames one after the other, each a multiple of 8 bytes long, so that every
// FlatBuffer in an aligned buffer is aligned too. All numbers are little-endian.
//
//   byte  0  u32  bytes        of the whole frame, this field included
//         4  u8   kind         1 batch, 2 gap, 3 position, 4 end
//         5  u8   reason       of a gap: 1 truncated, 2 deleted, 3 dropped, 4 damaged; of a batch
//                              that a consumer was given: the attempt, 255 for all beyond; else 0
//         6  u16  name_bytes   of the stream's name
//         8  u32  count        batch: events in it
//        12  u32  payload_bytes
//        16  u64  first        batch: offset of the first event; gap: from; position: the position
//        24  u64  sequence     batch: of the first event; gap: to (exclusive)
//        32  i64  stored_us    batch: microseconds since the epoch
//        40       name, then zeros to a multiple of 8; payload, then zeros to a multiple of 8
//
// A batch's payload is the client's FlatBuffer (batch.fbs) with exactly `count` events. A gap's is
// its detail, as text. A position frame is sent when events were passed over by a filter, and when
// a follower has caught up. An end is the last frame of a follower that may not have more: its
// payload says why, in a word ("key-revoked").
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace strandline::schema {

static_assert(std::endian::native == std::endian::little, "frames are copied as they are");

inline constexpr char kBatchMediaType[] = "application/vnd.strandline.batch";

enum class FrameKind : uint8_t { batch = 1, gap = 2, position = 3, end = 4 };

struct FrameHead {
  uint32_t bytes = 0;
  FrameKind kind = FrameKind::batch;
  uint8_t reason = 0;
  uint16_t name_bytes = 0;
  uint32_t count = 0;
  uint32_t payload_bytes = 0;
  uint64_t first = 0;
  uint64_t sequence = 0;
  int64_t stored_us = 0;
};
static_assert(sizeof(FrameHead) == 40);

inline constexpr size_t padded(size_t bytes) { return (bytes + 7) & ~size_t{7}; }

inline size_t frame_bytes(size_t name_bytes, size_t payload_bytes) {
  return sizeof(FrameHead) + padded(name_bytes) + padded(payload_bytes);
}

// Appends a frame; `head`'s three lengths are filled in here.
inline void append_frame(std::string& out, FrameHead head, std::string_view name,
                         std::string_view payload) {
  head.bytes = static_cast<uint32_t>(frame_bytes(name.size(), payload.size()));
  head.name_bytes = static_cast<uint16_t>(name.size());
  head.payload_bytes = static_cast<uint32_t>(payload.size());
  out.append(reinterpret_cast<const char*>(&head), sizeof head);
  out.append(name).append(padded(name.size()) - name.size(), '\0');
  out.append(payload).append(padded(payload.size()) - payload.size(), '\0');
}

struct Frame {
  FrameHead head;
  std::string_view name;
  std::string_view payload;
};

// The frame at the front of `bytes`, or nothing if it is not there whole or its lengths disagree.
inline std::optional<Frame> parse_frame(std::string_view bytes) {
  Frame frame;
  if (bytes.size() < sizeof(FrameHead)) return std::nullopt;
  std::memcpy(&frame.head, bytes.data(), sizeof(FrameHead));
  const FrameHead& head = frame.head;
  if (head.bytes != frame_bytes(head.name_bytes, head.payload_bytes)) return std::nullopt;
  if (bytes.size() < head.bytes) return std::nullopt;
  frame.name = bytes.substr(sizeof(FrameHead), head.name_bytes);
  frame.payload = bytes.substr(sizeof(FrameHead) + padded(head.name_bytes), head.payload_bytes);
  return frame;
}

}  // namespace strandline::schema
