# To be sourced. It gives the machine's proxy settings both of their names: apt reads only the lower-case names, and other
# programs only the upper-case ones. `proxied` lists those that are set, separated by commas: sudo would drop them.
proxied=
for lower in http_proxy https_proxy no_proxy; do
  upper=${lower^^}
  given=${!lower:-${!upper:-}}
  [[ $given ]] || continue
  export "$lower=${!lower:-$given}" "$upper=${!upper:-$given}"
  proxied+=${proxied:+,}$lower,$upper
done
# sudo has to keep the address of the mirror too.
[[ ! ${LAB_MIRROR:-} ]] || proxied+=${proxied:+,}LAB_MIRROR
unset lower upper given
