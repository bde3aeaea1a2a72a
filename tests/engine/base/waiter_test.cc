// Everybody who waits is woken, with the answer, whoever wakes whom.
#include "engine/base/waiter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/support/process/deadline.h"

namespace strandline::tests {
namespace {

class Waiting : public ::testing::Test {
 protected:
  struct One {
    Waiter waiter;
    int answer = 0;  // as it was written before answered()
  };

  // Where a test has failed, some would wait for ever.
  ~Waiting() override {
    for (One& one : ones_) one.waiter.answered();
  }

  void wait(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      One& one = ones_.emplace_back();
      threads_.emplace_back([this, &one] {
        one.waiter.wait();
        sum_ += one.answer;
        ++awake_;
      });
    }
  }
  void answer(size_t which) {
    ones_[which].answer = static_cast<int>(which);
    ones_[which].waiter.answered();
  }
  bool awake(size_t count) {
    return eventually([&] { return awake_ == count; });
  }

  std::deque<One> ones_;
  std::atomic<int> sum_ = 0;
  std::atomic<size_t> awake_ = 0;
  std::deque<std::jthread> threads_;  // last: they are joined first
};

TEST_F(Waiting, EndsWithTheAnswer) {
  wait(3);
  answer(2);
  EXPECT_TRUE(awake(1));
  EXPECT_EQ(sum_, 2);
  answer(0);
  answer(1);
  EXPECT_TRUE(awake(3));
  EXPECT_EQ(sum_, 3);
}

TEST_F(Waiting, EndsForAllThatAreAnsweredTogether) {
  for (const size_t count : {1u, 2u, 7u, 8u, 9u, 16u, 17u, 100u}) {
    const size_t before = ones_.size();
    const int sum = sum_;
    wait(count);
    int expected = 0;
    {
      const Awakening awakening;
      for (size_t i = before; i < before + count; ++i) {
        answer(i);
        expected += static_cast<int>(i);
      }
      EXPECT_EQ(awake_, before);  // not before all have their answers
    }
    ASSERT_TRUE(awake(before + count)) << count;
    EXPECT_EQ(sum_, sum + expected);
  }
}

TEST_F(Waiting, IsOverAtOnceIfTheAnswerCameFirst) {
  wait(1);
  Waiter before;
  before.answered();
  before.wait();
  {
    const Awakening awakening;
    answer(0);
  }
  EXPECT_TRUE(awake(1));
}

// As appends do: a waiter's life ends with its wait, and the next is in the same place.
TEST(WaitingInTurn, MeetsNobodyElsesAnswer) {
  constexpr int kThreads = 24, kTurns = 300;
  struct Question {
    Waiter* waiter;
    int* answer;
    int value;
  };
  std::mutex mutex;
  std::vector<Question> asked;
  std::atomic<int> wrong = 0, left = kThreads;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int turn = 0; turn < kTurns; ++turn) {
        Waiter waiter;
        int answer = -1;
        {
          const std::lock_guard lock(mutex);
          asked.push_back({&waiter, &answer, t * kTurns + turn});
        }
        waiter.wait();
        if (answer != t * kTurns + turn) ++wrong;
      }
      --left;
    });
  }
  while (left > 0) {
    std::vector<Question> now;
    {
      const std::lock_guard lock(mutex);
      now.swap(asked);
    }
    const Awakening awakening;
    for (const Question& question : now) {
      *question.answer = question.value;
      question.waiter->answered();
    }
  }
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace strandline::tests
