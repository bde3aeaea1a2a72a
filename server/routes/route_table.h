// Every route of the server: the one list of them (route_table.cc).
#pragma once

#include "server/connection/route.h"

namespace strandline::server {

const RouteTable& route_table();

}  // namespace strandline::server
