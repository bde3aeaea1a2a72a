// What the log says of an audited stream can be proven: every event that is there, and that the
// stream only grew; whatever was dropped, erased, or done to the files meanwhile.
#include "engine/format/stored_batch.h"
#include "engine/format/tree_record.h"
#include "engine/store/store.h"
#include "tests/support/log/audited_test.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;

using ProofTrees = AuditedTest;

TEST_F(ProofTrees, EveryEventIsProvenAndTheRootIsThatOfThePlainTree) {
  append("a", 1);
  append("a", 100);
  append_singly("a", 30);
  append("b", 3);
  append("a", 700);
  const Checkpoint checkpoint = sign("a");
  EXPECT_EQ(checkpoint.size, 831u);
  Frontier plain;
  uint64_t offset = 0;
  for (const std::string& entry : entries("a", checkpoint.size)) {
    EXPECT_EQ(parse_entry(entry)->offset, Offset(offset++));
    plain.push(hash_leaf(entry), [](unsigned, uint64_t, const Digest&) {});
  }
  EXPECT_EQ(plain.root(), checkpoint.root);
  expect_proven("a", 0, checkpoint.size);
  sign("b");
  expect_proven("b", 0, 3);
  expect_sound();
}

TEST_F(ProofTrees, AnEventsBytesAndItsSaltsGiveItsEntry) {
  const NewEvent odd{.type = "t",
                     .id = "i",
                     .subject = "s",
                     .attributes = {{.name = "zeta", .text = "x"},
                                    {.name = "alpha", .text = "7", .kind = AttributeKind::integer}},
                     .form = DataForm::text,
                     .data = "words"};
  ASSERT_TRUE(log().append({.stream = "a", .batch = Batch::of({odd, odd}).value()}));
  append("a", 5);
  sign("a");
  const auto stored = entries("a", 7);
  ASSERT_EQ(stored.size(), 7u);
  const auto salts = log().salts("a", Offset(0), 7).value();
  EXPECT_NE(salts[0], salts[1]) << "each has its own";
  auto cursor = log().read({.select = Selection::stream("a"), .from = From::earliest()}).value();
  uint64_t at = 0;
  while (at < 7) {
    const auto next = cursor->next();
    ASSERT_TRUE(next && *next);
    const auto* events = std::get_if<Events>(&**next);
    ASSERT_TRUE(events);
    for (const Event& event : *events) {
      EXPECT_EQ(entry_of(event.offset, event.stored, digests_of(event, salts[at])), stored[at]);
      ++at;
    }
  }
}

TEST_F(ProofTrees, GrowthIsProvenAcrossReopeningsAndKills) {
  std::vector<Checkpoint> signed_before;
  for (int round = 0; round < 5; ++round) {
    append("a", 137);
    append_singly("a", 3);
    if (round % 2 == 1) reopen();
    signed_before.push_back(sign("a"));
    const Checkpoint& now = signed_before.back();
    EXPECT_EQ(now.size, 140u * static_cast<unsigned>(round + 1));
    for (const Checkpoint& older : signed_before) {
      const auto proof = log().prove_consistency("a", older.size);
      ASSERT_TRUE(proof) << proof.error().message;
      EXPECT_TRUE(is_consistent(older.size, older.root, now.size, now.root, proof->hashes));
    }
  }
  expect_proven("a", 0, 700);
  expect_sound();
}

TEST_F(ProofTrees, AnAppendWritesAHundredBytesOfTreeAtMost) {
  for (int i = 0; i < 255; ++i) append_type("a", "t");
  options.audits = nullptr;
  reopen();
  for (int i = 0; i < 255; ++i) append_type("plain", "t");
  const uint64_t audited = describe("a").bytes, plain = describe("plain").bytes;
  EXPECT_GE(audited - plain, 255u * 32) << "the seed, behind the event";
  EXPECT_LE(audited - plain, 255u * 50);
  close();
  auto closed = ClosedStore::prepare(data() / "store", options, [](const std::string&) {});
  const auto store = closed->open().value();
  StoreIterator it = store->iterate(Family::tree);
  it.seek_to_first();
  EXPECT_FALSE(it.valid()) << "nothing else, and no tile that is not full";
}

TEST_F(ProofTrees, AuditingIsSwitchedOnForEventsThatAreThere) {
  options.audits = nullptr;
  append("a", 1'000);
  append("b", 10);
  append("c", 600);
  ASSERT_TRUE(log().truncate("c", Offset(300)));
  EXPECT_EQ(code_of(log().sign_checkpoint("a")), Code::invalid);
  options.audits = [](std::string_view) { return true; };
  reopen();
  append("a", 50);
  append("c", 1);
  EXPECT_EQ(sign("a").size, 1'050u);
  EXPECT_EQ(sign("b").size, 10u);
  EXPECT_EQ(sign("c").size, 601u);
  expect_proven("a", 0, 1'050);
  expect_proven("b", 0, 10);
  expect_proven("c", 300, 601);
  reopen();
  append("a", 300);
  EXPECT_EQ(sign("a").size, 1'350u);
  expect_proven("a", 0, 1'350);
  expect_sound();
}

TEST_F(ProofTrees, APolicySwitchesAuditingOnAtOnce) {
  options.audits = nullptr;
  append("a", 400);
  EXPECT_EQ(code_of(log().sign_checkpoint("a")), Code::invalid);
  ASSERT_TRUE(log().change_stream("a", {.policy = {{PolicyField::audit, PolicyValue(true)}}}));
  EXPECT_EQ(sign("a").size, 400u) << "though nothing is appended";
  append("a", 10);
  EXPECT_EQ(sign("a").size, 410u);
  expect_proven("a", 0, 410);
  reopen();
  append("a", 10);
  EXPECT_EQ(sign("a").size, 420u);
  ASSERT_TRUE(log().change_stream("a", {.policy = {{PolicyField::audit, PolicyValue(false)}}}));
  append("a", 10);
  ASSERT_TRUE(log().change_stream("a", {.policy = {{PolicyField::audit, PolicyValue(true)}}}));
  append("a", 10);
  EXPECT_EQ(sign("a").size, 440u) << "with what came in between";
  expect_proven("a", 0, 440);
  expect_sound();
}

TEST_F(ProofTrees, WhatIsDroppedTakesNoProofOfWhatStays) {
  append("a", 1'000);
  const Checkpoint first = sign("a");
  append("a", 500);
  ASSERT_TRUE(log().truncate("a", Offset(1'300)));
  const Checkpoint second = sign("a");
  EXPECT_EQ(second.size, 1'500u);
  expect_proven("a", 1'300, 1'500);
  const auto proof = log().prove_consistency("a", first.size);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_TRUE(is_consistent(first.size, first.root, second.size, second.root, proof->hashes));
  EXPECT_EQ(code_of(log().prove_event("a", Offset(10))), Code::not_found);
  EXPECT_EQ(code_of(log().tile("a", {.level = 0, .index = 0})), Code::not_found) << "pruned";
  EXPECT_TRUE(log().tile("a", {.level = 0, .index = 1'300 / 256, .width = 200}));
  EXPECT_TRUE(log().tile("a", {.level = 1, .index = 0, .width = 5}));
  reopen();
  append("a", 300);
  EXPECT_EQ(sign("a").size, 1'800u);
  expect_proven("a", 1'300, 1'800);
  expect_sound();
}

TEST_F(ProofTrees, AStreamThatIsRemovedAndMadeAgainGoesOn) {
  append("a", 300);
  const Checkpoint before = sign("a");
  ASSERT_TRUE(log().delete_stream("a"));
  append("a", 100);
  const Checkpoint after = sign("a");
  EXPECT_EQ(after.size, 400u);
  const auto proof = log().prove_consistency("a", 300);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_TRUE(is_consistent(300, before.root, 400, after.root, proof->hashes));
  reopen();
  append("a", 1);
  EXPECT_EQ(sign("a").size, 401u);
  expect_proven("a", 300, 401);
}

TEST_F(ProofTrees, EveryProofOutlivesAnErasure) {
  append("a", 300);
  const Checkpoint old = sign("a");
  const auto before = entries("a", 300);
  const auto erase = [&](uint64_t first, uint64_t next, bool data_only) {
    const auto erased = log().erase({.select = Selection::stream("a"),
                                     .offsets = {{Offset(first), Offset(next)}},
                                     .data_only = data_only,
                                     .reason = "a test"});
    ASSERT_TRUE(erased) << erased.error().message;
    EXPECT_EQ(erased->events, next - first);
  };
  erase(5, 8, false);
  erase(100, 130, true);
  erase(110, 112, false);
  EXPECT_EQ(entries("a", 300), before);
  expect_proven("a", 0, 300);
  const auto salts = log().salts("a", Offset(0), 300).value();
  EXPECT_EQ(salts[6], EventSalts());
  EXPECT_EQ(salts[101].data, Salt());
  EXPECT_NE(salts[101].envelope, Salt());
  EXPECT_EQ(salts[111], EventSalts());
  append("a", 20);
  reopen();
  EXPECT_EQ(sign("a").size, 320u);
  EXPECT_TRUE(log().prove_consistency("a", old.size));

  expect_sound();
}

TEST_F(ProofTrees, ErasureOfWhatWasThereBeforeTheTreeDestroysItsSalts) {
  options.audits = nullptr;
  append("a", 300);
  options.audits = [](std::string_view) { return true; };
  reopen();
  sign("a");
  const auto before = entries("a", 300);
  ASSERT_TRUE(log().erase({.select = Selection::stream("a"), .offsets = {{Offset(7), Offset(8)}}}));
  EXPECT_EQ(entries("a", 300), before);
  EXPECT_EQ(log().salts("a", Offset(7), 1)->front(), EventSalts());
  close();
  auto closed = ClosedStore::prepare(data() / "store", options, [](const std::string&) {});
  const auto store = closed->open().value();
  EXPECT_EQ(store->get(Family::tree, tree_key(TreeKind::seed, StreamId(1), Offset(0))).value(),
            std::nullopt);
}

// Whoever has the directory may change events and their checksums: the tree and what was signed
// tell.
class ProofTampered : public AuditedTest {
 protected:
  // Changes the batch that begins at an offset of the first stream, and gives it a right checksum.
  void tamper(uint64_t first, const std::function<void(std::string& flatbuffer)>& change) {
    close();
    auto closed = ClosedStore::prepare(data() / "store", options, [](const std::string&) {});
    const auto store = closed->open().value();
    StoreIterator it = store->iterate(Family::events);
    EventKey key;
    bool found = false;
    for (it.seek_to_first(); it.valid() && decode(it.key(), key); it.next()) {
      if (key.stream != StreamId(1) || key.first != Offset(first)) continue;
      const std::string value(it.value());
      const StoredBatch batch(key.stream, value);
      StoredBatchWriter writer;
      std::string flatbuffer(batch.first_part().flatbuffer);
      change(flatbuffer);
      writer.add_part(flatbuffer, batch.first_part().count, batch.head().sequence);
      writer.put_field(BatchField::seeds, batch.field(BatchField::seeds).value());
      Changes changes = store->changes();
      changes.put(Family::events, it.key(),
                  writer.finish(key, batch.head().sequence, batch.head().stored,
                                batch.head().bytes_before));
      ASSERT_TRUE(store->write(std::move(changes)));
      ASSERT_TRUE(store->sync());
      found = true;
      break;
    }
    ASSERT_TRUE(found);
  }
};

TEST_F(ProofTampered, AChangedEventIsFoundAndNothingMoreIsSigned) {
  append("a", 300);
  append("a", 20);
  sign("a");
  const std::string word = payload("a", Offset(310)).type;
  tamper(300, [&](std::string& flatbuffer) {
    const size_t at = flatbuffer.find(word);
    ASSERT_NE(at, std::string::npos);
    flatbuffer[at] = static_cast<char>(flatbuffer[at] ^ 1);
  });
  const Verified verified = log().verify();
  ASSERT_FALSE(verified.findings.empty());
  EXPECT_THAT(verified.findings.front().place, HasSubstr("\"a\""));
  append("a", 1);
  const auto refused = log().sign_checkpoint("a");
  EXPECT_EQ(code_of(refused), Code::corrupt);
  EXPECT_THAT(refused.error().message, HasSubstr("not those that were signed"));
}

TEST_F(ProofTampered, AChangedEventOfAFullTileIsNotServed) {
  append("a", 300);
  sign("a");
  const std::string word = payload("a", Offset(10)).type;
  tamper(0, [&](std::string& flatbuffer) {
    const size_t at = flatbuffer.find(word);
    ASSERT_NE(at, std::string::npos);
    flatbuffer[at] = static_cast<char>(flatbuffer[at] ^ 1);
  });
  EXPECT_EQ(code_of(log().tile("a", {.level = 0, .index = 0})), Code::corrupt);
  EXPECT_EQ(code_of(log().prove_event("a", Offset(3))), Code::corrupt);
  EXPECT_FALSE(log().verify().findings.empty());
}

TEST_F(ProofTampered, ACheckpointThatWasPutBackOrForgedIsFound) {
  append("a", 100);
  sign("a");
  close();
  {
    auto closed = ClosedStore::prepare(data() / "store", options, [](const std::string&) {});
    const auto store = closed->open().value();
    const auto key = new_private_key("forged");
    const std::string note =
        sign_note(render_checkpoint({"forged/a", 100, empty_root()}), key, "forged/a");
    Changes changes = store->changes();
    changes.put(Family::tree, tree_key(TreeKind::checkpoint, StreamId(1)),
                encode(CheckpointRecord{.size = 100, .signed_us = 1, .note = note}));
    ASSERT_TRUE(store->write(std::move(changes)));
    ASSERT_TRUE(store->sync());
  }
  EXPECT_FALSE(log().verify().findings.empty());
  append("a", 1);
  EXPECT_EQ(code_of(log().sign_checkpoint("a")), Code::corrupt);
}

}  // namespace
}  // namespace strandline::tests
