/// @file
/// Where a vault keeps what.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <range/v3/range/conversion.hpp>
#include <range/v3/view/transform.hpp>

#include <keywarden/core/name.hpp>
#include <keywarden/key/role.hpp>

namespace keywarden::detail {

// Names made of parts that were parsed cannot fail, but for their length, which these bounds
// exclude.
[[nodiscard]] inline record_name joined(std::string_view text) {
  return record_name::parse(text).value();
}

[[nodiscard]] inline record_name service_key_name() { return joined("smk"); }
/// What changes whenever something comes to depend on something else, or may no longer do so.
[[nodiscard]] inline record_name fence_name() { return joined("fence"); }
[[nodiscard]] inline std::string database_prefix(const object_name& database) {
  return "db/" + database.text() + "/";
}
[[nodiscard]] inline record_name database_marker_name(const object_name& database) {
  return joined(database_prefix(database) + "database");
}
[[nodiscard]] inline record_name database_key_name(const object_name& database) {
  return joined(database_prefix(database) + "dmk");
}
/// The copy of a database master key's service slot that the master scope keeps.
[[nodiscard]] inline record_name master_copy_name(const object_name& database) {
  return joined("master/dmk/" + database.text());
}

/// The folder of a database's objects of one role.
template <class Role>
[[nodiscard]] std::string object_prefix(const object_name& database) {
  return database_prefix(database) + std::string(Role::name) + "/";
}
template <class Role>
[[nodiscard]] record_name object_record_name(const object_name& database, const object_name& name) {
  return joined(object_prefix<Role>(database) + name.text());
}

/// The folder of the server's own secrets of one role.
template <class Role>
[[nodiscard]] std::string server_prefix() {
  return std::string(Role::name) + "/";
}
template <class Role>
[[nodiscard]] record_name server_record_name(const object_name& name) {
  return joined(server_prefix<Role>() + name.text());
}

/// Where the members of a scale-out deployment keep what they share.
[[nodiscard]] inline std::string scale_out_prefix(const object_name& deployment) {
  return "scale-out/" + deployment.text() + "/";
}
/// The shared key, with a slot for each member.
[[nodiscard]] inline record_name scale_out_key_name(const object_name& deployment) {
  return joined(scale_out_prefix(deployment) + "key");
}

/// What a slot is called by its parent: the kind and the name, as far as a label is long.
[[nodiscard]] inline std::string parent_label(std::string_view kind, const object_name& name) {
  return (std::string(kind) + " " + name.text()).substr(0, 64);
}

/// The last part of a record's name.
[[nodiscard]] inline std::string_view last_part(const record_name& name) noexcept {
  const std::string_view text = name.text();
  return text.substr(text.rfind('/') + 1);
}

/// The last parts of records' names: what a list of objects shows.
[[nodiscard]] inline std::vector<std::string> last_parts(const std::vector<record_name>& names) {
  return names | ranges::views::transform([](const record_name& each) {
           return std::string(last_part(each));
         }) |
         ranges::to<std::vector>();
}

}  // namespace keywarden::detail
