// How the outcome of an append is printed: {"stream","first","next","sequence","stored",
// "durability"}, or an array of them; "retried":true where they are those of an append that was
// made before. Of one append, Location is where its events are read from.
#pragma once

#include <vector>

#include "engine/log.h"
#include "server/http/response.h"

namespace strandline::server {

Response print_appended(Result<Appended> appended);                    // 201
Response print_nothing_appended(std::string_view stream);              // 200 {"stream","events":0}
Response print_appended_many(Result<std::vector<Appended>> appended);  // 201 {"appends":[...]}

}  // namespace strandline::server
