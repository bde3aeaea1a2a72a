// Imports and exports that are killed, or whose server is, and go on: what comes of all the pieces
// is byte for byte what one undisturbed run gives.
//
// A few kills here, as many as STRANDLINE_KILLS asks for at length. STRANDLINE_SEED replays.
#include <random>

#include "tests/support/log/commits.h"
#include "tests/support/log/log_test.h"
#include "tests/support/process/server_process.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

class Interrupted : public CommitsTest {
 protected:
  // Between two kills, on average; several of them fit into one run.
  static constexpr uint64_t kBytesApart = 3 << 20;
  static constexpr size_t kEventBytes = 24 << 20;

  Interrupted() : random_(seed("Interrupted")), left_(number_from("STRANDLINE_KILLS", 10)) {}

  // Waits until something has grown by some more, or until `running` says no; whether it did.
  template <class Size, class Running>
  bool grown(Size size, Running running) {
    const uint64_t wanted = size() + 1 + random_() % (2 * kBytesApart);
    bool there = false;
    EXPECT_TRUE(eventually([&] {
      there = size() >= wanted;
      return there || !running();
    }));
    return there;
  }
  static uint64_t size_of(const fs::path& file) {
    std::error_code none;
    const auto size = fs::file_size(file, none);
    return none ? 0 : size;
  }
  static uint64_t wal_bytes(const fs::path& data) {
    uint64_t all = 0;
    if (!fs::exists(data)) return all;
    for (const auto& wal : files_below(data, ".log")) all += size_of(wal);
    return all;
  }
  std::string fresh(const char* name) {
    return (directory_ / (name + std::to_string(++number_))).string();
  }
  Outcome exported(const std::string& data) {
    return strandline({"export", "--all", "--data", data});
  }

  std::mt19937_64 random_;
  uint64_t left_;  // kills
  int number_ = 0;
};

TEST_F(Interrupted, ImportsIntoADirectoryRepeatAndLoseNothing) {
  const auto file = file_of("events.ndjson", events_of(kEventBytes));
  while (left_ > 0) {
    const std::string data = fresh("data");
    for (bool done = false; !done;) {
      Process import({STRANDLINE_PROGRAM, "import", file.string(), "--data", data});
      if (left_ > 0 && grown([&] { return wal_bytes(data); }, [&] { return import.running(); })) {
        import.kill_and_wait();
        --left_;
      } else {
        ASSERT_EQ(import.wait(), 0) << import.errors();
        done = true;
      }
    }
    expect_same(exported(data).output, events_of(kEventBytes));
    fs::remove_all(data);
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(Interrupted, ImportsThroughAServerRepeatAndLoseNothing) {
  const auto file = file_of("events.ndjson", events_of(kEventBytes));
  while (left_ > 0) {
    const std::string data = fresh("data");
    auto server = std::make_unique<ServerProcess>(data);
    const Address address = server->address();
    const auto begin = [&] {
      return std::make_unique<Process>(std::vector<std::string>{
          STRANDLINE_PROGRAM, "import", file.string(), "--server", address.url()});
    };
    auto import = begin();
    for (;;) {
      while (grown([&] { return wal_bytes(data); }, [&] { return import->running(); })) {
        if (left_ == 0) break;
        --left_;
        // One of the two: an import that lost its server waits for the next at the same address.
        if (random_() % 2 == 0) {
          server->kill();
          server = std::make_unique<ServerProcess>(data, std::vector<std::string>{}, address.port);
        } else {
          import->kill_and_wait();
          import = begin();
        }
      }
      if (import->wait() == 0) break;
      // One that has not yet begun when its server goes says so, and is begun again.
      ASSERT_THAT(import->errors(), testing::ContainsRegex("[Cc]onnect"));
      import = begin();
    }
    ASSERT_EQ(server->stop(), 0);
    expect_same(exported(data).output, events_of(kEventBytes));
    fs::remove_all(data);
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(Interrupted, ExportsOfADirectoryAreWhatOneRunGives) {
  ASSERT_EQ(strandline({"import", file_of("events.ndjson", events_of(kEventBytes)).string(),
                        "--data", data_})
                .exit,
            0);
  while (left_ > 0) {
    const fs::path file = fresh("out");
    for (bool done = false; !done;) {
      Process process(
          {STRANDLINE_PROGRAM, "export", "--all", "-o", file.string(), "--data", data_});
      if (left_ > 0 && grown([&] { return size_of(file); }, [&] { return process.running(); })) {
        process.kill_and_wait();
        --left_;
      } else {
        ASSERT_EQ(process.wait(), 0) << process.errors();
        done = true;
      }
    }
    expect_same(read_file(file), events_of(kEventBytes));
    fs::remove(file);
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(Interrupted, ExportsThroughAServerAreWhatOneRunGives) {
  ASSERT_EQ(strandline({"import", file_of("events.ndjson", events_of(kEventBytes)).string(),
                        "--data", data_})
                .exit,
            0);
  auto server = std::make_unique<ServerProcess>(data_);
  const Address address = server->address();
  while (left_ > 0) {
    const fs::path file = fresh("out");
    const auto begin = [&] {
      return std::make_unique<Process>(std::vector<std::string>{
          STRANDLINE_PROGRAM, "export", "--all", "-o", file.string(), "--server", address.url()});
    };
    auto process = begin();
    for (;;) {
      while (grown([&] { return size_of(file); }, [&] { return process->running(); })) {
        if (left_ == 0) break;
        --left_;
        if (random_() % 2 == 0) {
          server->kill();
          server = std::make_unique<ServerProcess>(data_, std::vector<std::string>{}, address.port);
        } else {
          process->kill_and_wait();
          process = begin();
        }
      }
      if (process->wait() == 0) break;
      // One that has not yet begun when its server goes says so, and is begun again.
      ASSERT_THAT(process->errors(), testing::ContainsRegex("[Cc]onnect"));
      process = begin();
    }
    expect_same(read_file(file), events_of(kEventBytes));
    fs::remove(file);
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace
}  // namespace strandline::tests
