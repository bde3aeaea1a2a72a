// Which way a route turns a generator: its path's last word says it.
#pragma once

#include "server/connection/route.h"
#include "server/generators/generators.h"

namespace strandline::server {

// Of a path that ends in /start, /stop, /pause or /resume.
Generators::Turn turn_of(const Route& route);

}  // namespace strandline::server
