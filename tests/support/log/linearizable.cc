#include "tests/support/log/linearizable.h"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "tests/support/log/payload.h"

namespace strandline::tests {
namespace {

using Asked = Operation::Kind;
using Told = Operation::Outcome;

class SequentialStream {
 public:
  // Before the operation, for taking it back.
  struct Before {
    size_t length;
    std::optional<uint64_t> position;  // of its consumer
  };

  // Whether it fits here: the model gives the answer that it got (or has an effect, if it got
  // none). If so, it has happened.
  bool apply(const Operation& o, Before& before) {
    before = {events_.size(), std::nullopt};
    if (o.kind == Asked::position) return position(o.consumer) == o.number;
    if (o.kind == Asked::read) return reads(o);
    const auto [outcome, number] = answer(o);
    if (o.outcome == Told::unknown ? outcome != Told::done
                                   : std::pair(outcome, number) != std::pair(o.outcome, o.number))
      return false;
    if (outcome != Told::done) return true;
    for (const std::string& id : o.ids) {
      events_.push_back(id);
      hashes_.push_back(hash_of(id) + 31 * hashes_.back());
    }
    if (o.move) before.position = std::exchange(positions_[o.move->consumer], o.move->next);
    return true;
  }
  void take_back(const Operation& o, const Before& before) {
    events_.resize(before.length);
    hashes_.resize(before.length + 1);
    if (before.position) positions_[o.move->consumer] = *before.position;
  }
  uint64_t length() const { return events_.size(); }
  uint64_t hash() const {
    uint64_t hash = hashes_.back();
    for (const auto& [consumer, next] : positions_) hash = hash * 1'000'003 + next;
    return hash;
  }

 private:
  uint64_t position(const std::string& consumer) const {
    const auto found = positions_.find(consumer);
    return found == positions_.end() ? 0 : found->second;
  }
  bool reads(const Operation& o) const {
    const uint64_t end = o.number + o.ids.size();
    return end <= events_.size() && (!o.to_tail || end == events_.size()) &&
           std::equal(o.ids.begin(), o.ids.end(), events_.begin() + o.number);
  }
  std::pair<Told, uint64_t> answer(const Operation& o) const {
    if (o.expected && *o.expected != events_.size()) return {Told::conflict, events_.size()};
    if (o.move) {
      const uint64_t current = position(o.move->consumer);
      if (o.move->expected.value_or(current) != current || o.move->next < current) {
        return {Told::conflict, current};
      }
      const uint64_t tail = events_.size() + o.ids.size();
      if (o.move->next > tail) return {Told::out_of_range, tail};
    }
    return {Told::done, o.ids.empty() ? o.move->next : events_.size()};
  }

  std::vector<std::string> events_;
  std::vector<uint64_t> hashes_ = {0};  // of each prefix
  std::map<std::string, uint64_t> positions_;
};

class Search {
 public:
  explicit Search(const std::vector<Operation>& history) : history_(history) {
    for (size_t i = 0; i < history.size(); ++i) {
      moments_.push_back({history[i].invoked, i, true});
      moments_.push_back({history[i].answered, i, false});
    }
    std::ranges::sort(moments_, {}, &Moment::at);
    // A list of moments with a head of its own, so that one can be lifted out and put back.
    const size_t end = moments_.size() + 1;
    next_.resize(end);
    previous_.resize(end + 1);
    answer_of_.resize(history.size());
    for (size_t m = 1; m <= moments_.size(); ++m) {
      next_[m - 1] = m;
      previous_[m] = m - 1;
      if (!moment(m).sent) answer_of_[moment(m).operation] = m;
    }
    next_[moments_.size()] = end;
    previous_[end] = moments_.size();
    done_.resize((history.size() + 63) / 64);
    look_for_the_unknown();
  }

  bool run() {
    constexpr uint64_t kStepsMax = 50'000'000;
    const size_t end = moments_.size() + 1;
    for (size_t at = next_[0]; next_[0] != end;) {
      if (++steps_ > kStepsMax) throw std::runtime_error("the search takes too long");
      const Operation& operation = history_[moment(at).operation];
      Step step{.sent = at};
      if (moment(at).sent) {
        if (may_come(moment(at).operation) && model_.apply(operation, step.before)) {
          step.changes = operation.kind == Asked::append && operation.outcome != Told::conflict &&
                         operation.outcome != Told::out_of_range;
          if (take(step)) {
            at = next_[0];
            continue;
          }
          model_.take_back(operation, step.before);
        }
        at = next_[at];
        continue;
      }
      // Its last moment, and it has not been taken. What may never have happened is left out.
      if (operation.outcome == Told::unknown) {
        step = {.sent = sent_of(moment(at).operation), .left_out = true};
        if (take(step)) {
          at = next_[0];
          continue;
        }
      }
      if (!go_back(at)) return false;
    }
    return true;
  }

  std::string where() const {
    return "after " + std::to_string(longest_) + " of " + std::to_string(history_.size()) +
           " operations, this one fits nowhere: " + describe(history_[stuck_]);
  }

 private:
  // An append without an answer fits almost anywhere, and a dozen of them fit in more orders than
  // can be tried. But offsets are for good: where some read saw it, it came there and nowhere else;
  // and if a read of everything after its time did not see it, it never came.
  void look_for_the_unknown() {
    std::map<std::string, uint64_t> seen;
    uint64_t last_complete = 0;  // when the latest read of everything was sent
    for (const Operation& o : history_) {
      if (o.kind != Asked::read) continue;
      for (size_t i = 0; i < o.ids.size(); ++i) seen.emplace(o.ids[i], o.number + i);
      if (o.number == 0 && o.to_tail) last_complete = std::max(last_complete, o.invoked);
    }
    for (const Operation& o : history_) {
      const bool looked_for =
          o.kind == Asked::append && o.outcome == Told::unknown && !o.ids.empty();
      const auto found = looked_for ? seen.find(o.ids.front()) : seen.end();
      place_.push_back(found != seen.end()                         ? found->second
                       : looked_for && o.answered <= last_complete ? kNowhere
                                                                   : kAnywhere);
    }
  }
  bool may_come(size_t operation) const {
    return place_[operation] == kAnywhere || place_[operation] == model_.length();
  }

  struct Moment {
    uint64_t at;
    size_t operation;
    bool sent;  // or answered
  };
  struct Step {
    size_t sent;  // the moment
    SequentialStream::Before before = {};
    bool changes = false;  // the state, so that taking another first could matter
    bool left_out = false;
  };

  const Moment& moment(size_t m) const { return moments_[m - 1]; }
  size_t sent_of(size_t operation) const {
    for (size_t m = next_[0];; m = next_[m]) {
      if (moment(m).operation == operation) return m;
    }
  }

  // Takes the operation, unless the same set of them has led to the same state before.
  bool take(const Step& step) {
    const size_t operation = moment(step.sent).operation;
    done_[operation / 64] ^= uint64_t{1} << operation % 64;
    if ((step.changes || step.left_out) && !tried_.emplace(done_, model_.hash()).second) {
      done_[operation / 64] ^= uint64_t{1} << operation % 64;
      return false;
    }
    for (const size_t m : {step.sent, answer_of_[operation]}) {
      next_[previous_[m]] = next_[m];
      previous_[next_[m]] = previous_[m];
    }
    steps_taken_.push_back(step);
    return true;
  }

  // To the last step that had an alternative; false if there is none. `at` is where it goes on.
  bool go_back(size_t& at) {
    if (steps_taken_.size() >= longest_) {
      longest_ = steps_taken_.size();
      stuck_ = moment(at).operation;
    }
    while (!steps_taken_.empty()) {
      const Step step = steps_taken_.back();
      steps_taken_.pop_back();
      const size_t operation = moment(step.sent).operation;
      for (const size_t m : {answer_of_[operation], step.sent}) {
        next_[previous_[m]] = m;
        previous_[next_[m]] = m;
      }
      done_[operation / 64] ^= uint64_t{1} << operation % 64;
      if (step.left_out) continue;
      model_.take_back(history_[operation], step.before);
      // What changes nothing and fits is as well taken at once as later.
      if (!step.changes) continue;
      at = next_[step.sent];
      return true;
    }
    return false;
  }

  static constexpr uint64_t kAnywhere = UINT64_MAX;
  static constexpr uint64_t kNowhere = UINT64_MAX - 1;

  const std::vector<Operation>& history_;
  std::vector<uint64_t> place_;  // of each operation: the offset at which alone it may come
  std::vector<Moment> moments_;
  std::vector<size_t> next_, previous_, answer_of_;
  SequentialStream model_;
  std::vector<uint64_t> done_;  // a bit for each operation that was taken or left out
  std::set<std::pair<std::vector<uint64_t>, uint64_t>> tried_;
  std::vector<Step> steps_taken_;
  uint64_t steps_ = 0;
  size_t longest_ = 0, stuck_ = 0;
};

}  // namespace

std::optional<std::string> not_linearizable(const std::vector<Operation>& history) {
  if (history.empty()) return std::nullopt;
  Search search(history);
  if (search.run()) return std::nullopt;
  return search.where();
}

}  // namespace strandline::tests
