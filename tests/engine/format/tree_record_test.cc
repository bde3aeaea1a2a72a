// The records of audit trees are those of engine/FORMAT.md.
#include "engine/format/tree_record.h"

#include <gtest/gtest.h>

#include "tests/support/log/directory.h"
#include "tests/support/log/hex.h"

namespace strandline {
namespace {

std::string packed(std::string_view bytes) {
  std::string out;
  for (const char c : tests::hex(bytes)) {
    if (c != ' ' && c != '\n') out += c;
  }
  return out;
}

TEST(Format, RecordsOfAuditTreesAreAsDescribed) {
  const CheckpointRecord checkpoint{.size = 300, .signed_us = 5, .note = "x"};
  EXPECT_EQ(packed(node_key(StreamId(7), 1, 2)), "010000000000000007010000000000000002");
  EXPECT_EQ(packed(tree_key(TreeKind::seed, StreamId(7), Offset(100))),
            "0200000000000000070000000000000064");
  EXPECT_EQ(packed(encode(checkpoint)),
            "0102ac0202010503"
            "0178");
  const std::string format =
      tests::read_file(std::filesystem::path(STRANDLINE_SOURCE_DIR) / "engine/FORMAT.md");
  for (const char* line :
       {"key    01 0000000000000007 01 0000000000000002",
        "key    02 0000000000000007 0000000000000064", "value  01 02 ac02  02 01 05  03 01 78"}) {
    EXPECT_NE(format.find(line), std::string::npos) << line;
  }
  CheckpointRecord read;
  ASSERT_TRUE(decode(encode(checkpoint), read));
  EXPECT_EQ(read, checkpoint);
  EXPECT_FALSE(decode(encode(checkpoint).substr(0, 5), read));
  TreeKind kind;
  StreamId stream;
  Offset first;
  ASSERT_TRUE(
      decode_tree_key(tree_key(TreeKind::leaves, StreamId(7), Offset(9)), kind, stream, first));
  EXPECT_EQ(kind, TreeKind::leaves);
  EXPECT_EQ(stream, StreamId(7));
  EXPECT_EQ(first, Offset(9));
  EXPECT_FALSE(decode_tree_key(node_key(StreamId(7), 1, 2), kind, stream, first));
}

}  // namespace
}  // namespace strandline
