// What /metrics says of named consumers: where each stands, of at most the first thousand by name.
#pragma once

#include <prometheus/registry.h>

#include "engine/log.h"

namespace strandline::server {

// Nothing is kept: it is computed as the consumers are described.
void add_consumer_metrics(prometheus::Registry& registry, const Log& log);

}  // namespace strandline::server
