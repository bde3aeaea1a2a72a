#include "server/routes/consumer_take.h"

#include <boost/asio/post.hpp>

namespace strandline::server {
namespace {

// From the assignment to its events. Nothing that is called back here may be the last to let go of
// a session: `done` moves from thread to thread, and ends on the session's.
struct Errand {
  Service& service;
  Mailbox& mailbox;
  TakenPrepare prepare;
  TakenHandler done;

  static void assigned(std::unique_ptr<Errand> errand, Result<Assignment> assignment) {
    if (!assignment) return errand->done(std::unexpected(std::move(assignment.error())));
    if (assignment->given.empty()) {
      Taken taken{.assignment = std::move(*assignment)};
      taken.fetched.epoch = taken.assignment.epoch;
      taken.fetched.gaps = taken.assignment.gaps;
      if (errand->prepare) errand->prepare(taken);
      return errand->done(std::move(taken));
    }
    Service& service = errand->service;
    boost::asio::post(service.blocking,
                      [errand = std::move(errand), assignment = std::move(*assignment)]() mutable {
                        retrieve(std::move(errand), std::move(assignment));
                      });
  }

  static void retrieve(std::unique_ptr<Errand> errand, Assignment assignment) {
    auto fetched = errand->service.log.retrieve(assignment);
    Result<Taken> taken;
    if (fetched) {
      taken = Taken{.assignment = std::move(assignment), .fetched = std::move(*fetched)};
      if (errand->prepare) errand->prepare(*taken);
    } else {
      // The log gives the events out again. What was settled with the fetch is, and must be said.
      if (assignment.settled) {
        assignment.given.clear();
        taken = Taken{.assignment = std::move(assignment), .fetched = {}};
        taken->fetched.epoch = taken->assignment.epoch;
      } else {
        taken = std::unexpected(std::move(fetched.error()));
      }
    }
    Mailbox& mailbox = errand->mailbox;
    mailbox.put([errand = std::move(errand), taken = std::move(taken)]() mutable {
      errand->done(std::move(taken));
    });
  }
};

}  // namespace

void take(Service& service, Mailbox& mailbox, Fetch request, TakenPrepare prepare,
          TakenHandler done) {
  auto errand =
      std::make_unique<Errand>(Errand{service, mailbox, std::move(prepare), std::move(done)});
  boost::asio::post(
      service.blocking, [errand = std::move(errand), request = std::move(request)]() mutable {
        Service& service = errand->service;
        service.owed.fetch_add(1, std::memory_order_relaxed);
        // A completion has to be one that could be copied. It is not.
        auto carried = std::make_shared<std::unique_ptr<Errand>>(std::move(errand));
        service.log.fetch(std::move(request), [&service, carried = std::move(carried)](
                                                  Result<Assignment> assignment) {
          std::unique_ptr<Errand> errand = std::move(*carried);
          Mailbox& mailbox = errand->mailbox;
          mailbox.put([errand = std::move(errand), assignment = std::move(assignment)]() mutable {
            Errand::assigned(std::move(errand), std::move(assignment));
          });
          service.owed.fetch_sub(1, std::memory_order_acq_rel);
        });
      });
}

void give_back(Service& service, const Assignment& assignment, bool leave) {
  if (leave) return leave_later(service, assignment.consumer, assignment.epoch);
  if (assignment.given.empty()) return;
  Settle settle{.consumer = assignment.consumer, .epoch = assignment.epoch};
  for (const Given& given : assignment.given) settle.returns.push_back(Span::of(given.position));
  service.log.settle(std::move(settle), [](Result<Settled>) {});
}

void leave_later(Service& service, std::string consumer, uint64_t epoch) {
  boost::asio::post(service.blocking, [&service, consumer = std::move(consumer), epoch] {
    // Where it is gone, or fenced, there is nothing to leave.
    [[maybe_unused]] const Status left = service.log.leave(consumer, epoch);
  });
}

std::optional<SteadyTime> steady_due(const Assignment& assignment) {
  if (!assignment.due_in) return std::nullopt;
  return std::chrono::steady_clock::now() + *assignment.due_in + std::chrono::milliseconds(1);
}

}  // namespace strandline::server
