// What a Log is made of, for the files that define its methods.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "engine/base/waiter.h"
#include "engine/disk/head_mark.h"
#include "engine/log.h"
#include "engine/state/log_state.h"
#include "engine/writing/commit_stage.h"
#include "engine/writing/consumer_timer.h"
#include "engine/writing/indexer.h"
#include "engine/writing/writer.h"

namespace strandline {

// What an operation holds in the queue besides its bytes.
inline constexpr size_t kOperationBytes = 256;

struct Log::Parts {
  std::unique_ptr<LogState> state;
  RecoveryReport recovery;
  // An observer has none of these.
  std::unique_ptr<CommitStage> commit_stage;
  std::unique_ptr<Writer> writer;
  std::unique_ptr<ConsumerTimer> timer;
  std::unique_ptr<Indexer> indexer;
  std::unique_ptr<HeadMark> head_mark;

  void submit(Operation operation);
  // Waits for it.
  Result<Outcome> perform(Operation::Request request, Actor by = {}, std::optional<Act> act = {});
};

template <class T, class Start>  // Start: void(Log::Completion<T>)
Result<T> wait_for(Start start) {
  Waiter waiter;
  std::optional<Result<T>> answer;
  start([&](Result<T> result) {
    answer = std::move(result);
    waiter.answered();
  });
  waiter.wait();
  return *std::move(answer);
}

template <class T>
Result<T> outcome_of(Result<Outcome> outcome) {
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return std::get<T>(std::move(outcome->consumer));
}

Error no_consumer(std::string_view name);
// `not_found` if there is none of that name.
Result<ConsumerPointer> find_consumer(const LogState& log, std::string_view name);

}  // namespace strandline
