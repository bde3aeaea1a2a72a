// `strandline checkpoint`: the newest of a stream, another, the keys; `strandline proof`: of an
// event, and of growth.
#include <iostream>
#include <memory>

#include "tools/base/consent.h"
#include "tools/base/flags.h"
#include "tools/base/program.h"
#include "tools/connection/log_handle.h"

namespace strandline::tools {
namespace {

struct ProofFlags {
  std::string stream;
  std::string origin;
  uint64_t offset = 0;
  uint64_t from = 0;
  Consent consent;
};

int print_proof(const Result<std::string>& text) {
  if (!text) return failed(text.error());
  std::cout << *text;
  return kDone;
}

int show_newest(LogHandle& log, const ProofFlags& flags) {
  return print_proof(log.checkpoint(flags.stream));
}

int sign_another(LogHandle& log, const ProofFlags& flags) {
  return print_proof(log.sign_checkpoint(flags.stream));
}

int list_signers(LogHandle& log, const ProofFlags& flags) {
  return print_proof(log.checkpoint_keys(flags.stream));
}

int rotate_signer(LogHandle& log, const ProofFlags& flags) {
  const std::string what =
      flags.origin.empty()
          ? "makes another private key, and signs with it from now on; the one before is gone"
          : "makes another private key for " + flags.origin +
                ": its checkpoints begin anew, and follow from none that was signed before";
  if (const auto end = flags.consent.ask(what, false)) return *end;
  return print_proof(log.rotate_checkpoint_key(flags.origin));
}

int prove_one_event(LogHandle& log, const ProofFlags& flags) {
  return print_proof(log.prove_event(flags.stream, flags.offset));
}

int prove_growth(LogHandle& log, const ProofFlags& flags) {
  return print_proof(log.prove_consistency(flags.stream, flags.from));
}

}  // namespace

void add_checkpoint(Program& program) {
  auto flags = std::make_shared<ProofFlags>();
  const auto on_run = [&](CLI::App& command, Purpose purpose,
                          int (*act)(LogHandle&, const ProofFlags&)) {
    program.add_target_flags(command);
    program.on_run(command, [flags, &program, purpose, act] {
      auto log = connect(program.settings(), flags->consent.is_dry_run() ? Purpose::read : purpose);
      return log ? act(**log, *flags) : not_connected(log.error());
    });
  };
  const auto named = [&](CLI::App& command) -> CLI::App& {
    command.add_option("stream", flags->stream, "its name")->required();
    return command;
  };
  CLI::App& all = program.add("checkpoint", "Show or sign the checkpoint of an audited stream",
                              "  strandline checkpoint show orders\n"
                              "  strandline checkpoint keys orders > orders.pub");
  all.require_subcommand(1);
  on_run(named(program.add(all, "show", "Print the newest checkpoint of a stream",
                           "  strandline checkpoint show orders > orders.checkpoint")),
         Purpose::read, show_newest);
  on_run(named(program.add(all, "sign", "Sign a checkpoint of all that is there, and print it",
                           "  strandline checkpoint sign orders")),
         Purpose::write, sign_another);
  CLI::App& keys =
      program.add(all, "keys", "Print the public keys that have signed, the newest last",
                  "  strandline checkpoint keys\n"
                  "  strandline checkpoint keys orders");
  keys.add_option("stream", flags->stream, "under the origin of this stream, not of the log");
  on_run(keys, Purpose::read, list_signers);
  CLI::App& rotating = program.add(all, "rotate-key", "Sign with another key from now on",
                                   "  strandline checkpoint rotate-key");
  rotating.add_option("--origin", flags->origin,
                      "another name of the log, under which its checkpoints begin anew");
  flags->consent.add_to(rotating);
  on_run(rotating, Purpose::write, rotate_signer);

  CLI::App& proofs =
      program.add("proof", "Prove that an event is in a stream, or that it only grew",
                  "  strandline proof event orders 17 > 17.tlog-proof\n"
                  "  strandline verify --proof 17.tlog-proof --key orders.pub");
  proofs.require_subcommand(1);
  CLI::App& event =
      named(program.add(proofs, "event", "Prove that an event is in the newest checkpoint's tree",
                        "  strandline proof event orders 17 > 17.tlog-proof"));
  event.add_option("offset", flags->offset, "the event's")->required();
  on_run(event, Purpose::read, prove_one_event);
  CLI::App& growth =
      named(program.add(proofs, "consistency",
                        "Prove that the newest checkpoint's tree begins with that of an older one",
                        "  strandline proof consistency orders --from 1000 > grown.proof"));
  add_number(growth, "--from", flags->from, "how many events the older checkpoint has")->required();
  on_run(growth, Purpose::read, prove_growth);
}

}  // namespace strandline::tools
