// One page of events: what a GET without follow=true answers.
//
// It ends at its limit, at the tail, or where it has become large; `next` is where the next one
// begins. A page whose filter leaves everything out still moves `next`. *Threads*: it may read the
// disk, so it runs in the service's pool.
#pragma once

#include "engine/log.h"
#include "server/connection/principal.h"
#include "server/connection/service.h"
#include "server/http/response.h"
#include "server/wire/form.h"

namespace strandline::server {

// Of several streams it shows those that `principal` may read.
Response read_page(const Service& service, const Principal& principal, ReadOptions read,
                   Form& form);

}  // namespace strandline::server
