// Log::append_channels: the one door to `$channels`.
#include "engine/log.h"
#include "engine/log_parts.h"

namespace strandline {

void Log::append_channels(Batch batch, Completion<Appended> done) {
  const size_t bytes = batch.bytes().size() + 2 * kOperationBytes;
  AppendMany many;
  many.parts.push_back({.stream = std::string(kChannelsStream), .batch = std::move(batch)});
  parts_->submit({.request = std::move(many),
                  .done =
                      [done = std::move(done)](Result<Outcome> outcome) {
                        if (!outcome) return done(std::unexpected(std::move(outcome.error())));
                        done(std::move(outcome->appended.front()));
                      },
                  .bytes = bytes});
}

}  // namespace strandline
