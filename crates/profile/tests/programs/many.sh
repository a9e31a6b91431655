# Many processes that do little each.
i=0
while [ $i -lt 60 ]; do
    sleep 0.015
    i=$((i + 1))
done
