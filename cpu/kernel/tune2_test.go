package kernel
import ("testing";"fmt";"runtime")
func TestTile(t *testing.T){
 runtime.LockOSThread()
 k:=Best()
 p:=NewPool(1); w:=NewWorkspace(k,p); pk:=w.FMAPeak(); fmt.Println("GF peak",pk)
 for _,l:=range benchLayers { g:=l.gemm(TN)
  fmt.Printf("GF m=%d n=%d k=%d",g.M,g.N,g.K)
  var s Scratch; var best [2]int64; best[0]=1<<60;best[1]=1<<60; for r:=range 60 { direct=r%2==1; a:=cput(); k.Gemm(&s,g); best[r%2]=min(best[r%2],cput()-a) }
  for _,b:=range best {
  fmt.Printf(" %.1f%%",100*g.Flops()/float64(b)/pk)  }
  fmt.Println()
 }
}
