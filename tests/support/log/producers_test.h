// The fixture of the tests of producers: appends that name one, and what a retry must answer.
#pragma once

#include "tests/support/log/log_test.h"

namespace strandline::tests {

class ProducersTest : public LogTest {
 protected:
  ProducersTest() { options.clock = clock_; }

  static Append request(uint64_t epoch, uint64_t sequence, uint32_t count = 1,
                        const std::string& producer = "p", const std::string& stream = "s") {
    // Events that are a function of the request, as a retry's are.
    std::vector<std::string> ids;
    for (uint32_t i = 0; i < count; ++i) {
      ids.push_back(producer + "." + std::to_string(epoch) + "." + std::to_string(sequence) + "." +
                    std::to_string(i));
    }
    return {.stream = stream,
            .batch = batch(stream, ids),
            .producer = Producer{.id = producer, .epoch = epoch, .sequence = sequence}};
  }
  Result<Appended> send(uint64_t epoch, uint64_t sequence, uint32_t count = 1) {
    return log().append(request(epoch, sequence, count));
  }
  void expect_original(const Result<Appended>& retry, const Appended& original) {
    ASSERT_TRUE(retry) << retry.error().message;
    EXPECT_TRUE(retry->retried);
    EXPECT_EQ(retry->stream, original.stream);
    EXPECT_EQ(retry->first, original.first);
    EXPECT_EQ(retry->next, original.next);
    EXPECT_EQ(retry->sequence, original.sequence);
    EXPECT_EQ(retry->stored, original.stored);
    EXPECT_EQ(retry->durability, Durability::fsync);
  }
  // A refusal that says what there is.
  template <class T>
  void expect_refused(const Result<T>& result, Code code, uint64_t current) {
    ASSERT_EQ(code_of(result), code);
    EXPECT_EQ(result.error().current, current);
  }
  std::vector<std::string> ids(const std::string& stream = "s") {
    std::vector<std::string> found;
    for (const Seen& seen : read(stream).events) found.push_back(seen.id);
    return found;
  }

  const std::shared_ptr<ManualClock> clock_ =
      std::make_shared<ManualClock>(Timestamp{1'700'000'000'000'000});
};

}  // namespace strandline::tests
