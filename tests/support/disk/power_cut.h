// What a disk may hold after the power goes at an instant of a recording.
//
// Whatever was fsynced before the instant is there. Everything else is kept, dropped or torn, for
// each file and each directory by itself, as a journaling file system with a volatile cache may do
// (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014): a file keeps a prefix of
// what was not fsynced, or some of its 512-byte sectors or 4-KiB pages, the others reading as zeros
// or as garbage, its length grown or not; a directory keeps all, none, the first or any of the
// entries that were not fsynced through it. A sector is written whole or not at all, so that what
// was fsynced in it survives what is appended to it; a rename happens or does not.
#pragma once

#include <random>
#include <set>
#include <string>

#include "tests/support/disk/recording.h"

namespace strandline::tests {

struct PowerCut {
  DiskImage image;
  std::string story;           // what was lost, a line a file
  bool garbage = false;        // some page reads as what some other file once left there
  std::set<std::string> torn;  // files that are not as they were written, by path

  // Whether a log may refuse to open after it, in these words. They name a torn file, and the
  // place. What stands there cannot be told from damage: a page of garbage, which no file system of
  // today leaves in a file, or a hole in the unsynced end of a MANIFEST and of its copy.
  bool excuses(const std::string& refusal) const;
};

PowerCut cut_power(const Recording& recording, size_t instant, std::mt19937_64& random);

}  // namespace strandline::tests
