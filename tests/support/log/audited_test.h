// The fixture of tests of audit trees: every stream is audited, and nothing is signed by itself.
#pragma once

#include "engine/proof/merkle.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {

class AuditedTest : public LogTest {
 protected:
  AuditedTest() {
    options.audits = [](std::string_view) { return true; };
    options.checkpoint_interval_ms = 0;
  }

  // Of all that is there; waits while the tree is still being made.
  Checkpoint sign(const std::string& stream) {
    Result<std::string> note = log().sign_checkpoint(stream);
    eventually([&] {
      if (!note && note.error().code == Code::busy) note = log().sign_checkpoint(stream);
      return note || note.error().code != Code::busy;
    });
    EXPECT_TRUE(note) << note.error().message;
    if (!note) return {};
    const auto checkpoint = open_checkpoint(*note, log().checkpoint_keys());
    EXPECT_TRUE(checkpoint) << checkpoint.error().message;
    return checkpoint.value_or(Checkpoint());
  }

  // A proof of each of [from, to), which holds with the log's keys alone.
  void expect_proven(const std::string& stream, uint64_t from, uint64_t to) {
    const auto keys = log().checkpoint_keys();
    for (uint64_t offset = from; offset < to; ++offset) {
      const auto proof = log().prove_event(stream, Offset(offset));
      ASSERT_TRUE(proof) << offset << ": " << proof.error().message;
      const auto verified = verify_proof(*proof, keys);
      ASSERT_TRUE(verified) << offset << ": " << verified.error().message;
      ASSERT_EQ(proof->index, offset);
    }
  }

  std::vector<std::string> entries(const std::string& stream, uint64_t size) {
    std::vector<std::string> all;
    for (uint64_t first = 0; first < size; first += kTileWidth) {
      const auto width = static_cast<uint32_t>(std::min<uint64_t>(kTileWidth, size - first));
      const auto bundle =
          log().tile(stream, {.level = {}, .index = first / kTileWidth, .width = width});
      EXPECT_TRUE(bundle) << bundle.error().message;
      if (!bundle) return all;
      auto parsed = parse_bundle(*bundle).value();
      std::ranges::move(parsed, std::back_inserter(all));
    }
    return all;
  }

  void expect_sound() {
    const Verified verified = log().verify();
    EXPECT_TRUE(verified.findings.empty())
        << verified.findings.front().place << ": " << verified.findings.front().what;
  }
};

}  // namespace strandline::tests
