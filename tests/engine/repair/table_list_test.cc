// The store's list of its tables, which is kept twice (engine/repair/table_list.h), and CURRENT.
#include "engine/disk/head_mark.h"
#include "engine/store/wal_records.h"
#include "tests/support/disk/older_list.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

class Manifests : public LogTest {
 protected:
  Result<std::unique_ptr<Log>> open_copy(const fs::path& copy, bool accept_loss = false) const {
    Options copy_options = options;
    copy_options.accept_loss = accept_loss;
    return Log::open(copy, copy_options);
  }
  static std::vector<fs::path> tables_of(const fs::path& directory) {
    std::vector<fs::path> names;
    for (const fs::path& table : files_below(directory / "store", ".sst")) {
      names.push_back(table.filename());
    }
    return names;
  }
  // Ten events, five of them in tables that the list, an older one, does not name. Those that it
  // does.
  std::vector<fs::path> put_older_list_back() {
    append_singly("s", 5);
    reopen();
    const OlderList older(data());
    const auto listed = tables_of(data());
    append_singly("s", 5);
    reopen();
    close();
    older.put_back();
    return listed;
  }
  fs::path crash_copy(const std::string& name) const {
    const fs::path copy = directory() / name;
    copy_live(data(), copy);
    return copy;
  }
};

TEST_F(Manifests, DamagedOrMissingIsRepairedFromItsCopy) {
  append_singly("s", 20);
  reopen();
  append_singly("s", 20);
  close();
  const auto lists = files_below(data() / "store", ".copy");
  ASSERT_EQ(lists.size(), 1u);
  const fs::path manifest = lists[0].parent_path() / lists[0].stem();
  const std::string bytes = read_file(manifest);
  ASSERT_EQ(bytes, read_file(lists[0]));
  std::string harmed = bytes;
  harmed[bytes.size() / 2] ^= 1;
  for (const std::string& now : {harmed, bytes.substr(0, bytes.size() / 2), std::string()}) {
    const fs::path copy = crash_copy("copy");
    write_file(copy / "store" / manifest.filename(), now);
    if (now.empty()) fs::remove(copy / "store" / manifest.filename());
    std::string warned;
    options.on_warning = [&](const std::string& line) { warned += line; };
    const auto opened = open_copy(copy);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_THAT(warned, testing::HasSubstr(manifest.filename().string()));
    EXPECT_EQ((*opened)->recovery().loss, "");
    expect_events(read_all(**opened, {.select = Selection::stream("s")}), "s", 0, 40);
    fs::remove_all(copy);
  }
}

TEST_F(Manifests, DamagedLikeItsCopyIsRefusedAndNamed) {
  append_singly("s", 20);
  reopen();
  append_singly("s", 20);
  close();
  const fs::path list = files_below(data() / "store", ".copy").at(0);
  const fs::path manifest = list.stem();
  const std::string bytes = read_file(list);
  std::string harmed = bytes;
  harmed[bytes.size() / 2] ^= 1;
  // Cut off, and what is left of the last record is not the same in both: no power cut does that.
  std::string torn = bytes.substr(0, bytes.size() - 3), other = torn;
  torn.back() = 'x';
  other.back() = 'y';
  const std::string rubbish = "xxxxxxxxxxxx", nothing = "xxxx";
  const std::pair<std::string, std::string> cases[] = {{harmed, harmed},   {torn, other},
                                                       {rubbish, nothing}, {nothing, rubbish},
                                                       {"", ""},           {"", rubbish}};
  for (const auto& [file, copy_of_it] : cases) {
    const fs::path copy = crash_copy("copy");
    write_file(copy / "store" / manifest, file);
    write_file(copy / "store" / list.filename(), copy_of_it);
    const auto refused = open_copy(copy);
    ASSERT_EQ(code_of(refused), Code::corrupt);
    EXPECT_THAT(refused.error().message, testing::HasSubstr(manifest.string() + ": damaged"));
    EXPECT_THAT(refused.error().message, testing::HasSubstr("so is its copy"));
    EXPECT_EQ(read_file(copy / "store" / manifest), file) << "a refusal changes nothing";
    fs::remove_all(copy);
  }
}

// As a power cut may leave both. But it was durable, says the head mark: and RocksDB never sees a
// list over which it would delete tables.
TEST_F(Manifests, CutOffLikeItsCopyIsRefusedAndNoTableIsLost) {
  for (int i = 0; i < 3; ++i) {
    append_singly("s", 5);
    log().roll();
    reopen();
  }
  close();
  const fs::path list = files_below(data() / "store", ".copy").at(0);
  const auto files_of = [](const fs::path& directory) {
    std::map<fs::path, std::string> files;
    for (const fs::path& file : files_below(directory / "store")) {
      if (file.filename() != "LOG") files[file.filename()] = read_file(file);
    }
    return files;
  };
  const std::string whole = read_file(list);
  size_t opened = 0;
  for (uint64_t bytes = 1; bytes < whole.size(); bytes += 20) {
    const fs::path copy = crash_copy("cut");
    for (const fs::path& file : {list.stem(), list.filename()}) {
      fs::resize_file(copy / "store" / file, bytes);
    }
    const auto before = files_of(copy);
    const auto refused = open_copy(copy);
    ASSERT_EQ(code_of(refused), Code::corrupt) << bytes;
    EXPECT_THAT(refused.error().message, testing::HasSubstr(list.stem().string()));
    EXPECT_THAT(refused.error().message,
                testing::AnyOf(testing::HasSubstr("its copy leads no further"),
                               testing::HasSubstr("so is its copy")));
    EXPECT_TRUE(files_of(copy) == before) << "a refusal changes nothing";
    if (const auto accepted = open_copy(copy, true); accepted) {
      ++opened;
      EXPECT_THAT((*accepted)->recovery().loss, testing::HasSubstr(list.stem().string()));
      expect_events(read_all(**accepted, {.select = Selection::all()}), "s", 0, 15);
    } else {
      EXPECT_EQ(tables_of(copy), tables_of(data())) << accepted.error().message;
    }
    fs::remove_all(copy);
  }
  EXPECT_GT(opened, 0u);
}

// To which a flush adds that was under way when it was closed.
TEST_F(Manifests, EndWhereTheHeadMarkOfAClosedLogSays) {
  for (int i = 0; i < 5; ++i) {
    append("s", 2'000);
    ASSERT_TRUE(log().roll());
    close();
    const auto mark = HeadMark::read(Disk(options), data());
    ASSERT_TRUE(mark && *mark);
    const fs::path list = files_below(data() / "store", ".copy").at(0);
    EXPECT_THAT(list.filename().string(),
                testing::HasSubstr(std::to_string((*mark)->list.manifest)));
    EXPECT_EQ((*mark)->list.bytes, fs::file_size(list));
  }
}

TEST_F(Manifests, CutOffInALogsFirstLifeLosesNoTableEither) {
  append_singly("s", 5);
  ASSERT_TRUE(log().roll());
  ASSERT_TRUE(eventually([&] { return tables_of(data()).size() >= 3; }));
  close();
  const fs::path list = files_below(data() / "store", ".copy").at(0);
  const std::string whole = read_file(list);
  size_t opened = 0, refused = 0;
  for (uint64_t bytes = 1; bytes < whole.size(); bytes += 7) {
    const fs::path copy = crash_copy("cut");
    const auto before = tables_of(copy);
    for (const fs::path& file : {list.stem(), list.filename()}) {
      fs::resize_file(copy / "store" / file, bytes);
    }
    ASSERT_EQ(code_of(open_copy(copy)), Code::corrupt) << bytes;
    EXPECT_EQ(tables_of(copy), before);
    if (const auto accepted = open_copy(copy, true); accepted) {
      ++opened;
      expect_events(read_all(**accepted, {.select = Selection::all()}), "s", 0, 5);
    } else {
      ++refused;
      EXPECT_EQ(tables_of(copy), before) << bytes << accepted.error().message;
    }
    fs::remove_all(copy);
  }
  EXPECT_GT(opened, 0u);
  EXPECT_GT(refused, 0u);
}

// So that an older list is never more than one damage away from what it does not name.
TEST_F(Manifests, WithoutAHeadMarkAreRefusedAndNoTableIsLost) {
  put_older_list_back();
  for (const std::string mark : {"", "rubbish"}) {
    const fs::path copy = crash_copy("copy");
    write_file(copy / "HEAD", mark);
    const auto before = tables_of(copy);
    const auto refused = open_copy(copy);
    ASSERT_EQ(code_of(refused), Code::corrupt);
    EXPECT_THAT(refused.error().message, testing::HasSubstr("HEAD"));
    EXPECT_EQ(tables_of(copy), before);
    const auto accepted = open_copy(copy, true);
    ASSERT_TRUE(accepted) << accepted.error().message;
    expect_events(read_all(**accepted, {.select = Selection::all()}), "s", 0, 10);
    fs::remove_all(copy);
  }
}

TEST_F(Manifests, CutOffBesideABadCopyIsRepairedAsFarAsBothLead) {
  append_singly("s", 5);
  reopen();
  append_singly("s", 5);
  ASSERT_TRUE(log().roll());
  reopen();
  close();
  const fs::path list = files_below(data() / "store", ".copy").at(0);
  std::string bytes = read_file(list);
  const size_t first = record_at(bytes, 0)->end;
  ASSERT_LT(first, bytes.size());
  fs::resize_file(data() / "store" / list.stem(), first);
  bytes[first / 2] ^= 1;
  write_file(list, bytes);
  expect_stream("s", 0, 10);
}

// And one that is older, with the CURRENT that named it.
TEST_F(Manifests, OlderThanTheHeadMarkKnowsIsRefusedAndNoTableIsLost) {
  put_older_list_back();
  const auto before = tables_of(data());
  const auto refused = open_copy(data());
  ASSERT_EQ(code_of(refused), Code::corrupt);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("is older than MANIFEST-"));
  EXPECT_EQ(tables_of(data()), before);
  {
    const auto accepted = open_copy(data(), true);
    ASSERT_TRUE(accepted) << accepted.error().message;
    expect_events(read_all(**accepted, {.select = Selection::all()}), "s", 0, 10);
  }
  const auto again = open_copy(data());
  ASSERT_TRUE(again) << again.error().message;
  expect_events(read_all(**again, {.select = Selection::all()}), "s", 0, 10);
}

// Whatever stops it: the next attempt finds all that this one did.
TEST_F(Manifests, AcceptLossThatFailsHalfWayLosesNoTable) {
  const auto listed = put_older_list_back();
  const auto before = tables_of(data());
  ASSERT_GT(before.size(), listed.size());
  fs::remove(data() / "store" / listed.front());
  const fs::path in_the_way = data() / "damaged" / (before.back().string() + ".events");
  const fs::path other = data() / "damaged" / (before.back().string() + ".records");
  fs::create_directories(in_the_way);
  fs::create_directories(other);
  const std::string named = read_file(data() / "store" / "CURRENT");
  ASSERT_EQ(code_of(open_copy(data(), true)), Code::io);
  EXPECT_EQ(read_file(data() / "store" / "CURRENT"), named)
      << "nothing is removed before all is aside";
  EXPECT_EQ(tables_of(data()).size(), before.size() - 1);
  EXPECT_EQ(code_of(open_copy(data())), Code::corrupt);
  EXPECT_EQ(tables_of(data()).size(), before.size() - 1);
  fs::remove(in_the_way);
  fs::remove(other);
  const auto accepted = open_copy(data(), true);
  ASSERT_TRUE(accepted) << accepted.error().message;
  EXPECT_EQ((*accepted)->describe("s")->tail, Offset{10});
}

// What was repaired, and whatever else is missing, stand in one report.
TEST_F(Manifests, CutOffLikeItsCopyBesideABadHeadMarkIsInTheReport) {
  append_singly("s", 20);
  reopen();
  append_singly("s", 20);
  close();
  const fs::path list = files_below(data() / "store", ".copy").at(0);
  for (const fs::path& file : {list, list.parent_path() / list.stem()}) {
    fs::resize_file(file, read_file(file).size() - 3);
  }
  write_file(data() / "HEAD", std::string(512, 'x'));
  const auto accepted = open_copy(data(), true);
  ASSERT_TRUE(accepted) << accepted.error().message;
  EXPECT_THAT((*accepted)->recovery().loss, testing::HasSubstr("so is its copy"));
  EXPECT_THAT((*accepted)->recovery().loss, testing::HasSubstr("HEAD"));
}

TEST_F(Manifests, WithoutCurrentIsRefusedAndAcceptLossFindsTheNewest) {
  append_singly("s", 20);
  reopen();
  append_singly("s", 20);
  close();
  for (const std::string now : {"", "MANIFEST-000001\n", "rubbish"}) {
    const fs::path copy = crash_copy("copy");
    write_file(copy / "store" / "CURRENT", now);
    if (now.empty()) fs::remove(copy / "store" / "CURRENT");
    const auto refused = open_copy(copy);
    ASSERT_EQ(code_of(refused), Code::corrupt);
    EXPECT_THAT(refused.error().message, testing::HasSubstr("CURRENT"));
    const auto accepted = open_copy(copy, true);
    ASSERT_TRUE(accepted) << accepted.error().message;
    EXPECT_THAT((*accepted)->recovery().loss, testing::HasSubstr("CURRENT"));
    expect_events(read_all(**accepted, {.select = Selection::stream("s")}), "s", 0, 40);
    fs::remove_all(copy);
  }
}

}  // namespace
}  // namespace strandline::tests
