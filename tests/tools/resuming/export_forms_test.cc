// What an export writes and an import takes: CSV, CloudEvents batches, compressed, split, up to a
// point; rows that are set aside; the systemd journal.
#include <gmock/gmock.h>

#include "tests/support/http/json.h"
#include "tests/support/log/log_test.h"
#include "tests/support/process/process.h"
#include "tools/base/csv.h"
#include "tools/base/digest.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ExportForms : public ::testing::Test {
 protected:
  ExportForms() {
    import(R"({"stream":"a","type":"t1","id":"1","subject":"x,y","data":{"n":1}}
{"stream":"a","type":"t2","id":"2","time":"2026-01-01T00:00:00Z","datacontenttype":"text/plain",)"
           R"("data":"say \"hi\",\r\nthen go"}
{"stream":"b","type":"t1","id":"3","data_base64":"AAEC","tag":"v"}
{"stream":"b/c","type":"t3","id":"4"}
)",
           {"--events"});
  }
  Outcome import(const std::string& text, std::vector<std::string> flags,
                 const std::string& data = {}) {
    std::vector<std::string> all = {"import", "-", "--data", data.empty() ? data_ : data};
    all.insert(all.end(), flags.begin(), flags.end());
    return strandline(std::move(all), text);
  }
  Outcome exported(std::vector<std::string> flags, const std::string& data = {}) {
    flags.insert(flags.begin(), "export");
    flags.insert(flags.end(), {"--data", data.empty() ? data_ : data});
    return strandline(std::move(flags));
  }
  static std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> all;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      all.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    return all;
  }

  TemporaryDirectory directory_;
  const std::string data_ = (directory_ / "data").string();
  const std::string other_ = (directory_ / "other").string();
};

TEST_F(ExportForms, CsvGoesOutAndComesBack) {
  const std::string csv =
      exported({"--all", "--form", "csv", "--columns",
                "stream,type,id,subject,time,datacontenttype,attributes,data,data_base64"})
          .output;
  EXPECT_THAT(csv, testing::StartsWith("stream,type,id,subject,time,"));
  EXPECT_THAT(csv, HasSubstr("\"x,y\""));
  EXPECT_THAT(csv, HasSubstr("\"say \"\"hi\"\",\r\nthen go\""));
  const Outcome back = import(csv, {"--csv"}, other_);
  ASSERT_EQ(back.exit, 0) << back.errors;
  EXPECT_EQ(exported({"--all"}, other_).output, exported({"--all"}).output);
  EXPECT_EQ(exported({"--all", "--form", "csv", "--columns", "colour"}).exit, 2);
}

TEST_F(ExportForms, CsvIsReadAsItIsQuoted) {
  const auto one = tools::parse_csv(R"(a,"b ""c""",,"d,e")");
  ASSERT_TRUE(one);
  EXPECT_THAT(*one, testing::ElementsAre("a", "b \"c\"", "", "d,e"));
  EXPECT_FALSE(tools::parse_csv(R"(a,"b)"));
  EXPECT_FALSE(tools::parse_csv(R"(a,"b"c)"));
  EXPECT_FALSE(tools::parse_csv(R"(a,b"c)"));
  EXPECT_TRUE(tools::csv_goes_on(R"(a,"b)"));
}

TEST_F(ExportForms, RowsWithoutATypeAreData) {
  ASSERT_EQ(
      import("sku,count\r\nA,1\r\n\"B\nb\",2\r\n", {"--csv", "--stream", "stock", "--type", "row"})
          .exit,
      0);
  const auto all = lines(exported({"stock", "--lines"}).output);
  EXPECT_THAT(all,
              testing::ElementsAre(R"({"sku":"A","count":"1"})", R"({"sku":"B\nb","count":"2"})"));
  const Outcome uneven = import("a,b\n1\n", {"--csv", "--stream", "stock"});
  EXPECT_NE(uneven.exit, 0);
  EXPECT_THAT(uneven.errors, HasSubstr(":2: 1 fields, and the header has 2"));
}

TEST_F(ExportForms, CloudEventsBatchesAreArraysOfALine) {
  const auto all = lines(exported({"--all", "--form", "cloudevents"}).output);
  size_t events = 0;
  for (const std::string& line : all) events += Json::parse(line).size();
  EXPECT_EQ(events, 4u);
  EXPECT_EQ(Json::parse(all[0])[0]["specversion"].str(), "1.0");
}

TEST_F(ExportForms, ExactSaysWhereAndNothingThatWasNotAppended) {
  const auto all = lines(exported({"b/c", "--exact"}).output);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_THAT(all[0], HasSubstr(R"("offset":0,"sequence":3,"stored":")"));
  EXPECT_THAT(all[0], HasSubstr(R"("type":"t3","id":"4"})"));
}

TEST_F(ExportForms, APrefixAndAnEndAreKept) {
  EXPECT_EQ(lines(exported({"--prefix", "b"}).output).size(), 2u);
  EXPECT_EQ(lines(exported({"--all", "--to", "3"}).output).size(), 3u);
  EXPECT_EQ(lines(exported({"a", "--from", "1", "--to", "2"}).output).size(), 1u);
  EXPECT_EQ(lines(exported({"--all", "--to", "2020-01-01"}).output).size(), 0u);
  EXPECT_EQ(exported({"--all", "--prefix", "b"}).exit, 2);
}

TEST_F(ExportForms, CompressedIsWhatUsualProgramsRead) {
  const std::string plain = exported({"--all"}).output;
  for (const auto& [how, program] : {std::pair("zstd", "zstd"), std::pair("gzip", "gzip")}) {
    const std::string file = (directory_ / how).string();
    ASSERT_EQ(exported({"--all", "--compress", how, "-o", file}).exit, 0);
    EXPECT_EQ(run({program, "-dc"}, read_file(file)).output, plain) << how;
  }
}

TEST_F(ExportForms, PartsMakeTheWholeAndTheManifestSaysWhatTheyAre) {
  std::string many;
  for (int i = 0; i < 300; ++i) many += std::string(1'000, 'x') + std::to_string(i) + "\n";
  ASSERT_EQ(import(many, {"--text", "--stream", "many"}).exit, 0);
  const fs::path parts = directory_ / "parts";
  ASSERT_EQ(exported({"--all", "--split", "100KB", "-o", parts.string()}).exit, 0);
  const Json manifest = Json::parse(read_file(parts / "manifest.json"));
  EXPECT_GT(manifest["parts"].size(), 1u);
  std::string whole;
  uint64_t events = 0;
  for (size_t i = 0; i < manifest["parts"].size(); ++i) {
    const Json part = manifest["parts"][i];
    const std::string bytes = read_file(parts / part["file"].str());
    EXPECT_EQ(bytes.size(), part["bytes"].number());
    EXPECT_EQ(tools::digest_of(bytes), part["sha256"].str());
    events += part["events"].number();
    whole += bytes;
  }
  EXPECT_EQ(events, 304u);
  EXPECT_EQ(whole, exported({"--all"}).output);
  EXPECT_THAT(read_file(parts / "manifest.json"), HasSubstr("\"complete\":true"));
  const Outcome again = exported({"--all", "--split", "100KB", "-o", parts.string()});
  EXPECT_NE(again.exit, 0);
  EXPECT_THAT(again.errors, HasSubstr("--overwrite"));
}

TEST_F(ExportForms, RowsThatAreNoEventsAreSetAsideOrNothingIsImported) {
  const std::string input = "{\"type\":\"ok\"}\n{\"no\":\"type\"}\n{\"type\":\"ok\"}\nno json\n";
  const std::string file = (directory_ / "in.ndjson").string();
  write_file(file, input);
  const std::vector<std::string> base = {"import", file,     "--events", "--stream",
                                         "in",     "--data", data_};
  auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return strandline(std::move(more));
  };
  const Outcome checked = with({"--check"});
  EXPECT_NE(checked.exit, 0);
  EXPECT_THAT(checked.errors, HasSubstr("2 lines are refused: nothing is imported"));
  EXPECT_NE(exported({"in"}).exit, 0);

  const std::string rejects = (directory_ / "rejects").string();
  const Outcome aside = with({"--rejects", rejects});
  ASSERT_EQ(aside.exit, 0) << aside.errors;
  EXPECT_THAT(aside.errors, HasSubstr("in.ndjson:2:"));
  EXPECT_EQ(read_file(rejects), "{\"no\":\"type\"}\nno json\n");
  EXPECT_EQ(lines(exported({"in"}).output).size(), 2u);
  // Run again, nothing is imported, and nothing set aside, twice.
  ASSERT_EQ(with({"--rejects", rejects}).exit, 0);
  EXPECT_EQ(read_file(rejects), "{\"no\":\"type\"}\nno json\n");
  EXPECT_EQ(lines(exported({"in"}).output).size(), 2u);
}

TEST_F(ExportForms, EntriesOfTheJournalAreEvents) {
  const std::string entry =
      R"({"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1764588866123456","_HOSTNAME":"h",)"
      R"("_SYSTEMD_UNIT":"ssh.service","MESSAGE":"hello"})";
  ASSERT_EQ(import(entry + "\n", {"--journal", "--stream", "j", "--type", "journal"}).exit, 0);
  const auto all = lines(exported({"j"}).output);
  ASSERT_EQ(all.size(), 1u);
  const Json event = Json::parse(all[0]);
  EXPECT_EQ(event["id"].str(), "s=1;i=2");
  EXPECT_EQ(event["subject"].str(), "ssh.service");
  EXPECT_EQ(event["source"].str(), "/journal/h");
  EXPECT_EQ(event["time"].str(), "2025-12-01T11:34:26.123456Z");
  EXPECT_EQ(event["data"]["MESSAGE"].str(), "hello");
  EXPECT_NE(import("{}\n", {"--journal", "--stream", "j"}).exit, 0);
}

TEST_F(ExportForms, FramesGoOutAndComeBackOnce) {
  const std::string file = (directory_ / "all.frames").string();
  ASSERT_EQ(exported({"--all", "--form", "frames", "-o", file}).exit, 0);
  const std::vector<std::string> command = {"import", file, "--frames", "--data", other_};
  const Outcome back = strandline(command);
  ASSERT_EQ(back.exit, 0) << back.errors;
  EXPECT_THAT(back.output, HasSubstr("imported 4 events"));
  ASSERT_EQ(strandline(command).exit, 0);
  EXPECT_EQ(lines(exported({"--prefix", "b"}, other_).output).size(), 2u);
  EXPECT_THAT(exported({"a", "--lines"}, other_).output, exported({"a", "--lines"}).output);
  // Cut off, it is told, and nothing is made of the rest.
  write_file(file, read_file(file).substr(0, 100));
  const Outcome cut = strandline({"import", file, "--frames", "--data", other_});
  EXPECT_NE(cut.exit, 0);
  EXPECT_FALSE(cut.errors.empty());
}

TEST_F(ExportForms, DuckDbReadsThem) {
  if (run({"python3", "-c", "import duckdb"}).exit != 0) {
    GTEST_SKIP() << "this machine does not let a test run DuckDB: Python has no module of it";
  }
  const std::string csv = (directory_ / "all.csv").string(), parts = (directory_ / "p").string();
  ASSERT_EQ(exported({"--all", "--form", "csv", "--compress", "zstd", "-o", csv + ".zst"}).exit, 0);
  ASSERT_EQ(
      exported({"--all", "--full", "--compress", "gzip", "--split", "4KiB", "-o", parts}).exit, 0);
  const auto asked = [&](const std::string& query) {
    return run({"python3", "-c", "import duckdb,sys; print(duckdb.sql(sys.argv[1]).fetchall())",
                query})
        .output;
  };
  EXPECT_EQ(asked("SELECT count(*), min(type) FROM read_csv('" + csv + ".zst')"), "[(4, 't1')]\n");
  EXPECT_EQ(asked("SELECT stream, max(\"offset\") FROM read_json('" + parts +
                  "/*.ndjson.gz', format = 'newline_delimited') GROUP BY stream ORDER BY stream"),
            "[('a', 1), ('b', 0), ('b/c', 0)]\n");
}

TEST_F(ExportForms, JqReadsThem) {
  const Outcome jq = run({"jq", "-r", ".stream"}, exported({"--all", "--full"}).output);
  if (jq.exit == 127 || jq.output.empty())
    GTEST_SKIP() << "this machine does not let a test run jq";
  EXPECT_EQ(jq.output, "a\na\nb\nb/c\n");
}

}  // namespace
}  // namespace strandline::tests
