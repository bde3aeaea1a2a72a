// Whether a log may be served at all where it is to be: access control is on as soon as a log has
// had a key; without one it is served to its own machine only, unless that was asked for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/log.h"
#include "server/base/server_options.h"
#include "server/connection/binding.h"
#include "server/connection/listener.h"

namespace strandline::server {

// `invalid`, with the two ways out, for an address that other machines reach.
// `guarded`: there is another way in than keys, so that everybody is asked.
Status check_exposure(const Log& log, const ServerOptions& options, const Binding& binding,
                      bool guarded);
Error exposed(const std::string& address);
// Says in the log who is let in: one line for each address, or one where a key is asked for.
void tell_exposure(bool guarded, const std::vector<std::unique_ptr<Listener>>& listeners);

// Makes what a file holds the secret of the key "root", which is granted admin: a first key for a
// log that is made where nobody can type. A file that has another secret than before rotates the
// key, at once. *Errors*: as secret_file.h; `invalid` where that key was revoked.
Status put_root_key(Log& log, const std::string& path);

}  // namespace strandline::server
