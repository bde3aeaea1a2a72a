#include "fuzz/target.h"

#include <vector>

namespace strandline::fuzz {
namespace {

std::vector<Target>& registered() {
  static std::vector<Target> targets;
  return targets;
}

}  // namespace

std::span<const Target> targets() { return registered(); }

Registration::Registration(Target target) { registered().push_back(target); }

}  // namespace strandline::fuzz
