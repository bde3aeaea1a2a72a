// A log with a history, written at full speed before something is measured over it.
#pragma once

#include <cstdint>
#include <string>

#include "engine/log.h"

namespace strandline::bench {

struct Fill {
  std::string stream_prefix;  // streams are this and their number, from 0
  uint32_t streams = 1;
  uint64_t events = 0;  // in all; batches of 100, streams taking turns
  DataForm form = DataForm::binary;
};

struct Filled {
  uint64_t events = 0;
  uint64_t sum = 0;  // of the words of all events' data: what whoever reads it all must find
};

Filled fill(Log& log, const Fill& what);

}  // namespace strandline::bench
