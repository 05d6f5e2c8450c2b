// Which key may wrap which: the whole matrix, written down here a second time and compared with the
// library's.

#include <keywarden/key/role.hpp>

#include <boost/mp11.hpp>

namespace role_static {

namespace role = keywarden::role;
namespace mp = boost::mp11;

using all =
    mp::mp_list<role::account, role::machine, role::password, role::recipient, role::threshold,
                role::service_master_key, role::database_master_key, role::certificate,
                role::asymmetric_key, role::symmetric_key, role::credential, role::linked_server,
                role::scale_out_key, role::scale_out_member, role::backup, role::data>;

constexpr std::size_t count = mp::mp_size<all>::value;
static_assert(count == 16);

// Rows are parents, columns children, both in the order above. 'x' is an edge.
constexpr const char* edges[count] = {
    // acc mac pwd rec thr | smk dmk cer asy sym | cre lnk sco mem bak dat
    ".....x..........",  // account
    ".....x..........",  // machine
    "......xxxx....x.",  // password
    "..........x.x.x.",  // recipient
    "..............x.",  // threshold
    "......x...xx.x..",  // service master key
    ".......xxx......",  // database master key
    ".........x......",  // certificate
    ".........x......",  // asymmetric key
    ".........x.....x",  // symmetric key
    "................",  // credential
    "................",  // linked server
    "...............x",  // scale-out key
    "................",  // scale-out member
    "................",  // backup
    "................",  // data
};

template <std::size_t Parent, std::size_t Child>
constexpr bool agrees = keywarden::may_wrap<mp::mp_at_c<all, Parent>, mp::mp_at_c<all, Child>> ==
                        (edges[Parent][Child] == 'x');

template <std::size_t... Cells>
constexpr bool all_agree(std::index_sequence<Cells...>) {
  return (agrees<Cells / count, Cells % count> && ...);
}

static_assert(all_agree(std::make_index_sequence<count * count>()));

// What is no role wraps nothing.
static_assert(!keywarden::may_wrap<int, role::data>);
static_assert(!keywarden::may_wrap<role::symmetric_key, int>);

// Every edge may be required.
static_assert([] {
  keywarden::require_edge<role::service_master_key, role::database_master_key>();
  keywarden::require_edge<role::symmetric_key, role::data>();
  return true;
}());

}  // namespace role_static
