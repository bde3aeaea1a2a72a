// What an operation is, for the writer that takes it: one table, an entry beside each operation.
//
// The primary template is left undefined: an operation that does not say what it is does not
// compile. Each of the five answers has a type of its own, so that two that are swapped do not
// compile either. *To add an operation*: its struct, its OperationTraits beside it, and its place
// in the variant (Operation::Request or ConsumerRequest).
#pragma once

#include <variant>

namespace strandline {

enum class Grouping {
  shared,  // goes into a commit group with others
  alone,   // has one to itself, and so sees everything before it as written
};
enum class Effect {
  changes,
  none,  // changes nothing: a sealed log answers it, and its answer waits for no fsync then
};
// How much of the disk's reserve must be left. Appends stop first; consumers go on for as long as
// the other half lasts, so that what they have not acked can be, and dropped. What makes room goes
// on.
enum class Reserve { none, half, full };
// Whether an operator's act is written down in `$admin`, in its own commit (acts.h).
enum class Written { no, down };
enum class FullQueue {
  refuses,
  // What was given out and could not be read goes back even into a full queue: it was let in to be
  // taken out, and a reader that goes on behind it would have lost it.
  takes,
};

struct Treatment {
  constexpr Treatment(Grouping grouping, Effect effect, Reserve reserve, FullQueue full_queue)
      : grouping(grouping), effect(effect), reserve(reserve), full_queue(full_queue) {}
  bool operator==(const Treatment&) const = default;

  Grouping grouping;
  Effect effect;
  Reserve reserve;
  FullQueue full_queue;
};

// Has `static Treatment of(const Op&)`: most answer alike whatever is asked (Always).
template <class Op>
struct OperationTraits;

template <Grouping grouping, Effect effect, Reserve reserve, FullQueue full_queue, Written written>
struct Always {
  static constexpr bool administrative = written == Written::down;
  template <class Op>
  static constexpr Treatment of(const Op&) {
    return {grouping, effect, reserve, full_queue};
  }
};

template <class Op>
inline constexpr bool is_administrative = OperationTraits<Op>::administrative;

template <class... Ops>
struct OperationTraits<std::variant<Ops...>> {
  static Treatment of(const std::variant<Ops...>& request) {
    return std::visit([](const auto& one) { return treatment(one); }, request);
  }

 private:
  template <class Op>
  static Treatment treatment(const Op& op) {
    return OperationTraits<Op>::of(op);
  }
};

template <class Op>
Treatment treatment_of(const Op& op) {
  return OperationTraits<Op>::of(op);
}

}  // namespace strandline
