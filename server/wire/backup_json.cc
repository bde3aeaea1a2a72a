#include "server/wire/backup_json.h"

#include <fmt/format.h>

#include "engine/api/rfc3339.h"
#include "server/json/json_writer.h"

namespace strandline::server {

void render_backup(std::string& out, const BackupInfo& info) {
  out +=
      fmt::format(R"({{"backup":{},"made":"{}","next":{},"incarnation":"{}","files":{},"bytes":{},)"
                  R"("written":{}}})",
                  info.id, render_time(info.made), info.next.value, info.incarnation, info.files,
                  info.bytes, info.written);
}

void render_backup(std::string& out, const Backups::Listed& listed) {
  if (listed.record) return render_backup(out, listed.record->info);
  out += fmt::format(R"({{"backup":{},"damaged":)", listed.id);
  render_string(out, listed.fault);
  out += '}';
}

void render_faults(std::string& out, const std::vector<BackupFault>& faults) {
  out += '[';
  for (const BackupFault& fault : faults) {
    if (&fault != faults.data()) out += ',';
    out += "{\"file\":";
    render_string(out, fault.file);
    out += ",\"what\":";
    render_string(out, fault.what);
    out += '}';
  }
  out += ']';
}

}  // namespace strandline::server
