#include "engine/backup/backup_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "engine/base/crc32c.h"

namespace strandline {
namespace {

constexpr std::string_view kFirstLine = "strandline backup 1\n";
constexpr std::string_view kEnd = "end ";

std::string_view take_word(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(line.size(), word.size() + 1));
  return word;
}

template <class Number>
bool take_number(std::string_view& line, Number& number, int base = 10) {
  const std::string_view word = take_word(line);
  const auto read = std::from_chars(word.data(), word.data() + word.size(), number, base);
  return !word.empty() && read.ec == std::errc() && read.ptr == word.data() + word.size();
}

// Names go into paths: none may lead out of the directory.
bool is_safe(std::string_view name) {
  return !name.empty() && !name.starts_with('/') && name.find("..") == name.npos;
}

bool take_line(std::string_view line, BackupRecord& record) {
  BackupInfo& info = record.info;
  const std::string_view what = take_word(line);
  if (what == "id") return take_number(line, info.id);
  if (what == "made") return take_number(line, info.made.us);
  if (what == "next") return take_number(line, info.next.value);
  if (what == "written") return take_number(line, info.written);
  if (what == "incarnation") {
    info.incarnation = take_word(line);
    return true;
  }
  if (what != "own" && what != "table") return false;
  BackedFile file;
  if (!take_number(line, file.bytes) || !take_number(line, file.crc32c, 16)) return false;
  file.name = take_word(line);
  if (what == "table") file.table = take_word(line);
  info.files += 1;
  info.bytes += file.bytes;
  const bool safe = is_safe(file.name) && (what == "own" || is_safe(file.table));
  record.files.push_back(std::move(file));
  return safe;
}

}  // namespace

std::string render(const BackupRecord& record) {
  const BackupInfo& info = record.info;
  std::string text(kFirstLine);
  text += fmt::format("id {}\nmade {}\nnext {}\nincarnation {}\nwritten {}\n", info.id,
                      info.made.us, info.next.value, info.incarnation, info.written);
  for (const BackedFile& file : record.files) {
    if (file.table.empty()) {
      text += fmt::format("own {} {:08x} {}\n", file.bytes, file.crc32c, file.name);
    } else {
      text +=
          fmt::format("table {} {:08x} {} {}\n", file.bytes, file.crc32c, file.name, file.table);
    }
  }
  return text + fmt::format("{}{:08x}\n", kEnd, crc32c(text));
}

Result<BackupRecord> parse_backup(std::string_view text) {
  const auto wrong = [](const char* why) { return fail(Code::corrupt, why); };
  if (!text.starts_with(kFirstLine)) return wrong("it does not begin as a backup's record");
  const size_t end = text.rfind(kEnd);
  if (end == text.npos || end == 0 || text[end - 1] != '\n') return wrong("its end is missing");
  if (text.substr(end) != fmt::format("{}{:08x}\n", kEnd, crc32c(text.substr(0, end)))) {
    return wrong("its checksum does not match");
  }
  BackupRecord record;
  std::string_view lines = text.substr(kFirstLine.size(), end - kFirstLine.size());
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(line.size() + 1);
    if (!take_line(line, record)) return wrong("a line of it does not parse");
  }
  return record;
}

}  // namespace strandline
