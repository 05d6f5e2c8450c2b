#include "credential.hpp"

namespace split_merge {

std::string owner_of(std::uint64_t request, role as, std::string_view shard) {
  return ("request " + std::to_string(request))
      .append(as == role::source ? "/source/" : "/target/")
      .append(shard);
}

credential parse_connection_string(const keywarden::plaintext& text) {
  constexpr std::string_view first = "Data Source=";
  constexpr std::string_view second = ";Password=";
  constexpr std::size_t max_size = 4096;
  const auto whole = text.text();
  const auto end = whole.find(second);
  if (whole.size() > max_size || !whole.starts_with(first) || end == std::string_view::npos ||
      end == first.size() || end + second.size() == whole.size())
    throw keywarden::refused(
        keywarden::error(keywarden::errc::malformed)
            .with(keywarden::fact::kind, "connection string")
            .with(keywarden::fact::next_step, "write Data Source=<file>;Password=<secret>"));
  return {std::string(whole.substr(first.size(), end - first.size())),
          keywarden::password(whole.substr(end + second.size()))};
}

}  // namespace split_merge
