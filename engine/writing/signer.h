// Signs checkpoints of audited streams, with the log's private key.
//
// A checkpoint is signed only if the newest one before it holds and its tree is the beginning of
// this one: a tree that is shorter, or another, is not signed. It is durable, and written down in
// `$admin`, before anybody is shown it. The key is made when it is first needed, in a file of mode
// 600 (Options::checkpoint_key); each key that has signed is kept, so that what it signed can be
// verified after a rotation. *Threads*: any; one signs at a time. It reads the disk, and waits for
// the writer.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "engine/proof/note.h"
#include "engine/state/log_state.h"
#include "engine/writing/operation.h"

namespace strandline {

class Signer {
 public:
  // `perform` hands an operation to the writer, and waits for it.
  Signer(LogState& log, std::function<Result<Outcome>(Operation)> perform)
      : log_(log), perform_(std::move(perform)) {}

  // Of all that is durable; the one that is there, if nothing has come since.
  Result<CheckpointPointer> sign(const Stream& stream, Actor by);
  // The public key that signs; makes it, if there is none.
  Result<PublicKey> key(Actor by);
  // Makes another; with an origin, under another name: then it begins anew, and is consistent with
  // nothing. A key that was given (Options::checkpoint_key) is not this log's to make.
  Result<PublicKey> rotate(const std::string& origin, Actor by);

 private:
  std::filesystem::path file() const;
  Status load(const Actor& by);  // with mutex_
  Status make(std::string origin);
  Status tell(const Actor& by);

  LogState& log_;
  const std::function<Result<Outcome>(Operation)> perform_;
  std::mutex mutex_;  // guards key_, and lets one sign at a time
  std::optional<PrivateKey> key_;
};

}  // namespace strandline
