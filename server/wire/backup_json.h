// Backups, as the API and the command line print them.
#pragma once

#include <string>
#include <vector>

#include "engine/api/backup.h"
#include "engine/backup/backups.h"

namespace strandline::server {

// {"backup":7,"made":"...","next":...,"incarnation":"...","files":...,"bytes":...,"written":...}
void render_backup(std::string& out, const BackupInfo& info);
// The same, or {"backup":7,"damaged":"why"}.
void render_backup(std::string& out, const Backups::Listed& listed);
// [{"file":"...","what":"..."}]
void render_faults(std::string& out, const std::vector<BackupFault>& faults);

}  // namespace strandline::server
